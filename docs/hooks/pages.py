"""What pages may hold besides Markdown; each mistake in it stops the build.

- `{{ file.key:format }}`: a number of `docs/results/file.json`, so that none is typed;
- `[[table file.key | column:format=Title | ...]]`: a list of such, as a table;
- `[[code examples/script.py name]]`: a function or class of a script, or `(top)`, its imports;
- `[[file path]]`: another file's text, such as the changelog;
- `[[reference package]]`: an entry for each public name of a package;
- `[[losses kind]]`: a table of all losses of a kind, from their docstrings;
- `[[benchmarks]]`: every table of `docs/benchmarks/`;
- `[[origin file]]`: when and on what the figures of `docs/results/file.json` were taken.
"""

import json
import re
from pathlib import Path

from losses import losses_table
from public_names import ROOT, public_names
from results import RESULTS, number, table
from scripts import piece

BENCHMARKS = ROOT / "docs" / "benchmarks"
_NUMBER = re.compile(r"\{\{ *([\w/-]+(?:\.[\w-]+)+) *(?::([^}]*?))? *\}\}")
_BLOCK = re.compile(r"^\[\[(\w+)(?: +([^\]]*?))?\]\]$", re.MULTILINE)


def filled(markdown: str) -> str:
    """A page's Markdown with everything put in place."""
    markdown = _BLOCK.sub(lambda found: _block(found[1], found[2] or ""), markdown)
    return _NUMBER.sub(lambda found: number(found[1], found[2]), markdown)


def _block(kind: str, argument: str) -> str:
    if kind not in _BLOCKS:
        raise LookupError(f"there is no block [[{kind}]]; known are {sorted(_BLOCKS)}")
    return _BLOCKS[kind](argument)


def _reference(package: str) -> str:
    names = public_names(package)
    if not names:
        raise LookupError(f"{package} has no public names")
    return "\n\n".join(f"::: {package}.{name}" for name in names)


def _file(path: str) -> str:
    """A file without its first heading, which the page has itself."""
    text = (ROOT / path).read_text("utf-8")
    return re.sub(r"\A# .*\n", "", text)


def _code(argument: str) -> str:
    path, name = argument.split()
    return f"```python\n{piece(ROOT / path, name)}\n```"


def _benchmarks(_: str) -> str:
    """Every file of the folder as a section, followed by where its figures come from."""
    parts = []
    for file in sorted(BENCHMARKS.glob("*.md")):
        if file.name != "index.md":
            text = re.sub(r"^#", "##", file.read_text("utf-8").strip(), flags=re.MULTILINE)
            parts.append(f"{text}\n\n{_taken(file.with_suffix('.json'))}".strip())
    return "\n\n".join(parts)


def _origin(name: str) -> str:
    file = RESULTS / f"{name}.json"
    text = _taken(file)
    if not text:
        raise LookupError(f"[[origin {name}]]: {file} does not say where its figures come from")
    return text


def _taken(file: Path) -> str:
    """What a benchmark's figures were taken on, as far as its program saved that."""
    saved = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    shown = []
    for key in ("command", "date", "machine", "versions"):
        found = saved.get(key) if isinstance(saved, dict) else None
        if isinstance(found, dict):
            found = ", ".join(f"{name} {one}" for name, one in found.items() if one is not False)
        if found:
            shown.append(f"{key}: `{found}`")
    return f"*Taken with {'; '.join(shown)}.*" if shown else ""


_BLOCKS = {
    "benchmarks": _benchmarks,
    "code": _code,
    "file": _file,
    "losses": losses_table,
    "origin": _origin,
    "reference": _reference,
    "table": table,
}
