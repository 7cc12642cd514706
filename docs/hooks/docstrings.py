"""Lets the reference show sections of docstrings that the parser does not know by name."""

import re
from typing import Any

import griffe

_SECTION = re.compile(r"^([A-Z][a-z]+ arguments[^\n:]*):\n((?:[ \t]+\S.*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+): ", re.MULTILINE)


def rewritten(text: str) -> str:
    """A docstring whose call arguments are a list, and whose example is one of "Examples"."""
    text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
    text = re.sub(r"^References?: ", r"*Reference:* ", text, flags=re.MULTILINE)

    def as_list(found: re.Match[str]) -> str:
        entries = _ENTRY.sub(r"- `\1`: ", found[2])
        # What goes on from an entry stands four deep, as Markdown wants it.
        lines = [line[4:] if line.startswith(" " * 8) else line for line in entries.splitlines()]
        return f"**{found[1]}**\n\n" + "\n".join(lines) + "\n\n"

    return _SECTION.sub(as_list, text)


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called by griffe for each object it has loaded."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)
