"""Makes a notebook of each script, and runs it on the sample.

python examples/notebooks/make.py            # all of them
python examples/notebooks/make.py siamese    # one

A script's cells begin at `# %%`; text behind it is the cell's heading.
"""

import base64
import io
import itertools
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1]
INSTALL = """# In Colab, or wherever the package is not installed yet.
import importlib.util

if importlib.util.find_spec("keras_metric") is None:
    %pip install "keras-metric[tensorflow,clustering]\""""
SETUP = """import sys

import matplotlib
from IPython.display import Image, display

matplotlib.use("agg")  # pictures are shown from the files that the script writes
sys.argv = {argv}  # the script's flags; without --sample: the full data"""
# Studies train many networks: some of them will do.
FLAGS = {"embedding_size": "--sizes 2 8 32 128 --seed 0 1", "backbones": "--epochs 10"}
EXPLAINED = {"quickstart": "The README shows", "backbones": "The guide to backbones explains"}
_PICTURE = re.compile(r"^( *)(?:.*)\.savefig\((.+?)(?:, dpi=\d+)?\)$", re.MULTILINE)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def scripts() -> list[Path]:
    """The scripts that are made of cells."""
    found = sorted(EXAMPLES.glob("*.py"))
    return [script for script in found if "\n# %%\n" in script.read_text("utf-8")]


def _argv(script: Path) -> str:
    flags = [script.name, "--sample", *FLAGS.get(script.stem, "").split()]
    return json.dumps(flags)


def cells(script: Path) -> list[tuple[str, str]]:
    """Kind ("markdown" or "code") and source of each cell of a script's notebook."""
    head, *parts = re.split(r"^# %%", script.read_text("utf-8"), flags=re.MULTILINE)
    title = head.strip().strip('"').splitlines()[0]
    intro = f"# {title}\n\nThis notebook is `examples/{script.name}`, run on the sample. "
    explained = EXPLAINED.get(script.stem, "Its tutorial explains")
    intro += f"{explained} it, with pictures and numbers from the full data."
    found = [("markdown", intro), ("code", INSTALL), ("code", SETUP.format(argv=_argv(script)))]
    for part in parts:
        heading, _, body = part.partition("\n")
        if heading.strip() == "[markdown]":
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines()]
            found.append(("markdown", "\n".join(lines)))
            continue
        if heading.strip():
            found.append(("markdown", heading.strip()))
        found.append(("code", _PICTURE.sub(r"\g<0>\n\1display(Image(\2))", body.strip())))
    return found


def notebook(script: Path) -> dict[str, Any]:
    """The notebook without outputs, as the JSON of nbformat 4.5."""
    made = []
    for number, (kind, source) in enumerate(cells(script)):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        made.append(cell | {"source": source.splitlines(keepends=True)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def executed(empty: dict[str, Any]) -> dict[str, Any]:
    """The notebook with its outputs; it runs in a folder of its own."""
    import nbclient
    import nbformat

    with tempfile.TemporaryDirectory() as folder:
        given = nbformat.reads(json.dumps(empty), as_version=4)
        resources = {"metadata": {"path": folder}}
        client = nbclient.NotebookClient(given, timeout=1800, resources=resources)
        client.execute()
    run = json.loads(nbformat.writes(given))
    for cell in run["cells"]:
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            cell["outputs"] = list(_kept(cell["outputs"]))
    return {**run, "metadata": empty["metadata"]}


def _kept(outputs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What was printed, as it looks in the end, and the pictures, in fewer bytes."""
    for kind, found in itertools.groupby(outputs, lambda one: one.get("name", "picture")):
        group = list(found)
        if kind == "stdout":
            text = _settled("".join(part for one in group for part in one["text"]))
            if text.strip():
                lines = text.splitlines(keepends=True)
                yield {"output_type": "stream", "name": "stdout", "text": lines}
        for one in group:
            picture = one.get("data", {}).get("image/png")
            if picture:
                yield {**one, "data": {"image/png": _small(picture)}}


def _settled(text: str) -> str:
    """What a terminal shows at last: progress bars write over themselves."""
    lines = []
    for line in _ANSI.sub("", text).split("\n"):
        shown = [part for part in re.split(r"[\r\x08]+", line) if part.strip()]
        lines.append(re.sub(r" *[━╸]+ *", " ", shown[-1]).rstrip() if shown else "")
    return "\n".join(lines)


def _small(picture: str) -> str:
    """A picture with 128 colours, which is all that greys and a few frames need."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    written = io.BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def main() -> None:
    for script in scripts():
        if not sys.argv[1:] or script.stem in sys.argv[1:]:
            run = executed(notebook(script))
            file = Path(__file__).with_name(f"{script.stem}.ipynb")
            file.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", "utf-8")
            print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
