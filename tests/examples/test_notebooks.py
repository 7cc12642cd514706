"""Notebooks are those of the scripts. `make notebooks` makes them anew."""

import importlib.util
import json
from pathlib import Path

import pytest

STUDIES = ("embedding_size", "backbones", "coming_from")  # one figure of many networks
FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
_spec = importlib.util.spec_from_file_location("make_notebooks", FOLDER / "make.py")
make = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make)


def sources(notebook):
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


def test_every_script_has_a_notebook_and_no_other_is_there():
    names = {script.stem for script in make.scripts()}
    assert "siamese" in names
    assert {file.stem for file in FOLDER.glob("*.ipynb")} == names


@pytest.mark.parametrize("script", make.scripts(), ids=lambda script: script.stem)
def test_a_notebook_is_in_step_and_was_run(script):
    saved = json.loads((FOLDER / f"{script.stem}.ipynb").read_text("utf-8"))
    assert sources(saved) == sources(make.notebook(script))
    code = [cell for cell in saved["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} == {"stream", "display_data"}
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    assert pictures >= (1 if script.stem in STUDIES else 3)
    printed = "".join("".join(output.get("text", "")) for output in outputs)
    assert any(measure in printed for measure in ("P@1", "MAP@R", "map_at_r"))
    assert "\x1b" not in printed
    assert (FOLDER / f"{script.stem}.ipynb").stat().st_size < 600_000


def test_cells_of_a_script(tmp_path):
    script = tmp_path / "one.py"
    script.write_text(
        '"""Title.\n\nMore.\n"""\n\n# %%\nimport a\n\n\n# %% [markdown]\n# Some\n# text.\n\n'
        '# %% Heading\nfor b in c:\n    b.savefig(d / "e.png", dpi=80)\n'
    )
    first, _, setup, *rest = make.cells(script)
    assert first[1].startswith("# Title.\n")
    assert '["one.py", "--sample"]' in setup[1]
    assert rest == [
        ("code", "import a"),
        ("markdown", "Some\ntext."),
        ("markdown", "Heading"),
        (
            "code",
            'for b in c:\n    b.savefig(d / "e.png", dpi=80)\n    display(Image(d / "e.png"))',
        ),
    ]


def test_only_the_end_of_a_progress_bar_is_kept():
    text = "Epoch 1/2\n\x1b[1m1/2\x1b[0m \x1b[32m━━━\x1b[0m 1s\x08\x08\r2/2 ━━━━ 2s\nend\n"
    assert make._settled(text) == "Epoch 1/2\n2/2 2s\nend\n"
