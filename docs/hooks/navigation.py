"""A navigation in which a folder stands for its pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Pages that are written one by one: named in their order before they are there.
_MAY_BE_MISSING = ("guides/",)


def expanded(nav: list[Any], docs: Path) -> list[Any]:
    """The navigation with every `folder/` replaced by the pages in it that it does not name.

    They come in the order of their file names, `index.md` first; a section without any page
    is left out.
    """
    named = set(_paths(nav))
    return [entry for one in nav for entry in _expanded(one, named, docs)]


def _expanded(entry: Any, named: set[str], docs: Path) -> list[Any]:
    if isinstance(entry, dict):
        ((title, inner),) = entry.items()
        if isinstance(inner, str) and not inner.endswith("/"):
            return [entry]
        inner = [inner] if isinstance(inner, str) else inner
        found = [page for one in inner for page in _expanded(one, named, docs)]
        return [{title: found}] if found else []
    if entry.endswith("/"):
        pages = sorted((docs / entry).glob("*.md"), key=lambda file: (file.stem != "index", file))
        paths = [entry + file.name for file in pages]
        return [path for path in paths if path not in named]
    if entry.startswith(_MAY_BE_MISSING) and not (docs / entry).is_file():
        return []
    return [entry]


def _paths(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for one in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else []:
        yield from _paths(one)
