"""Numbers of `docs/results/*.json`, as pages show them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "results"


class ResultsError(Exception):
    """A page asks for a number that no run has saved."""


@cache
def _read(name: str, changed: float) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def value(key: str) -> Any:
    """The entry of `file.key.key`; a number among the keys counts in a list."""
    name, *path = key.split(".")
    file = RESULTS / f"{name}.json"
    if not file.is_file():
        raise ResultsError(f"{{{{ {key} }}}}: there is no docs/results/{name}.json")
    found = _read(name, file.stat().st_mtime)
    for place, part in enumerate(path):
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]
        except (KeyError, IndexError, TypeError, ValueError):
            has = sorted(found) if isinstance(found, dict) else found
            where = ".".join([name, *path[:place]])
            raise ResultsError(f"{{{{ {key} }}}}: {where} has no {part!r}, it has {has}") from None
    return found


def number(key: str, form: str | None = None) -> str:
    """The entry as text, in one of Python's formats."""
    return _formatted(key, value(key), form)


def _formatted(key: str, found: Any, form: str | None) -> str:
    if isinstance(found, dict | list):
        raise ResultsError(f"{{{{ {key} }}}} is no single value but a {type(found).__name__}")
    try:
        return format(found, (form or "").strip())
    except (ValueError, TypeError) as error:
        raise ResultsError(f"{{{{ {key} }}}} is {found!r}: {error}") from error


def table(argument: str) -> str:
    """A list of rows as a table: `file.key | column:format=Title | ...`."""
    key, *columns = (part.strip() for part in argument.split("|"))
    rows = value(key)
    if isinstance(rows, dict):
        rows = [{"name": name, **row} for name, row in rows.items()]
    specs = []
    for column in columns:
        spec, _, title = column.partition("=")
        name, _, form = spec.partition(":")
        specs.append((name, form, title or name))
    lines = ["| " + " | ".join(title for _, _, title in specs) + " |"]
    lines.append("|" + " --- |" * len(specs))
    for row in rows:
        for name, _, _ in specs:
            if name not in row:
                raise ResultsError(f"[[table {key}]]: no column {name!r} in {sorted(row)}")
        cells = [_formatted(f"{key}.{name}", row[name], form) for name, form, _ in specs]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
