"""What pages may hold besides Markdown."""

import json
import re
import tomllib

import pages
import pytest
import results
import scripts

from tests.docs.site import ROOT


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    saved = {"accuracy": 0.98765, "rows": [{"size": 4, "seconds": 1.5}, {"size": 8, "seconds": 2}]}
    (tmp_path / "run.json").write_text(json.dumps(saved))


@pytest.mark.usefixtures("run")
def test_numbers_come_from_results():
    text = "It is right in {{ run.accuracy:.1%}} of cases, {{run.rows.1.size}} numbers long."
    assert pages.filled(text) == "It is right in 98.8% of cases, 8 numbers long."


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ walk.accuracy }}", "no docs/results/walk.json"),
        ("{{ run.speed }}", r"run has no 'speed', it has \['accuracy', 'rows'\]"),
        ("{{ run.rows.2.size }}", "run.rows has no '2'"),
        ("{{ run.rows }}", "no single value but a list"),
        ("{{ run.accuracy:d }}", "is 0.98765"),
        ("[[table run.rows | weight=Weight]]", "no column 'weight'"),
    ],
)
def test_an_unknown_number_is_an_error(text, message):
    with pytest.raises(results.ResultsError, match=message):
        pages.filled(text)


@pytest.mark.usefixtures("run")
def test_tables():
    lines = pages.filled("[[table run.rows | size=Size | seconds:.2f=Seconds]]").splitlines()
    assert lines == ["| Size | Seconds |", "| --- | --- |", "| 4 | 1.50 |", "| 8 | 2.00 |"]


def test_code_is_that_of_the_script(tmp_path):
    script = tmp_path / "one.py"
    script.write_text(
        '"""Doc."""\n\nimport os\n\nA = 1\n\n\n@cache\ndef f():\n    return A\n\n\nf()\n'
    )
    assert scripts.piece(script, "(top)") == "import os\n\nA = 1"
    assert scripts.piece(script, "f") == "@cache\ndef f():\n    return A"
    with pytest.raises(LookupError, match=r"has no 'g', it has \['f'\]"):
        scripts.piece(script, "g")


def test_an_unknown_block_is_an_error():
    with pytest.raises(LookupError, match="no block"):
        pages.filled("[[picture x]]")


def test_readme_names_every_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    table = (ROOT / "README.md").read_text("utf-8").split("| extra |")[1].split("\n\n")[0]
    named = re.findall(r"`([\w-]+)`", "".join(row.split("|")[1] for row in table.splitlines()[2:]))
    assert sorted(named) == sorted(project["optional-dependencies"])
