"""What the scripts of all tutorials have in common."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    script
    for script in sorted((ROOT / "examples").glob("*.py"))
    if ast.get_docstring(ast.parse(script.read_text("utf-8"))).startswith("Tutorial ")
]
# What they show is one figure of many networks, not single images.
STUDIES = ("embedding_size", "backbones", "coming_from")


def test_there_are_scripts():
    names = {"siamese", "contrastive", "triplet", "embedding_size", "online_mining", "own_data"}
    assert names | {"search", "coming_from"} == {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_is_short_and_has_the_flags(script):
    text = script.read_text("utf-8")
    assert text.count("\n") < 150
    flags = re.findall(r'add_argument\(\s*"(--[\w-]+)"', text)
    assert flags[:4] == ["--sample", "--epochs", "--seed", "--output"]
    assert f'Path("{script.stem}_output")' in text


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_has_its_tutorial_and_the_tutorial_its_pictures(script):
    number = int(re.search(r"Tutorial (\d+)", script.read_text("utf-8"))[1])
    (page,) = (ROOT / "docs" / "tutorials").glob(f"{number}[-_]*.md")
    text = page.read_text("utf-8")
    assert f"python examples/{script.name}  " in text
    assert (ROOT / "docs" / "results" / f"{script.stem}.json").is_file()
    pictures = re.findall(r"\(\.\./images/(\w+\.png)\)", text)
    assert len(pictures) >= (1 if script.stem in STUDIES else 3)
    for picture in pictures:
        assert (ROOT / "docs" / "images" / picture).stat().st_size < 150_000
