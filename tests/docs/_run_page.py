"""Run a page's Python blocks as one program: `python _run_page.py PAGE`, in an empty folder.

A block that follows the comment `<!-- not run: reason -->` is left out.
"""

import re
import sys
from pathlib import Path

_BLOCK = re.compile(
    r"^(?P<skip>[ \t]*<!-- not run: [^>]+ -->\n\s*)?"
    r"^(?P<indent>[ \t]*)```(?:python|py)\b[^\n]*\n(?P<body>.*?)^(?P=indent)```[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


def program(text: str) -> str:
    """The page's Python, each line where it stands in the page, all other lines empty."""
    lines = [""] * (text.count("\n") + 1)
    for block in _BLOCK.finditer(text):
        if block["skip"]:
            continue
        start, indent = text.count("\n", 0, block.start("body")), len(block["indent"])
        for place, line in enumerate(block["body"].splitlines(), start):
            lines[place] = line[indent:]
    return "\n".join(lines)


def main() -> None:
    page = sys.argv[1]
    code = compile(program(Path(page).read_text("utf-8")), page, "exec")
    exec(code, {"__name__": "__main__"})  # the repository's own pages


if __name__ == "__main__":
    main()
