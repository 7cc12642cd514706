"""Pieces of the examples, so that a page shows the very lines that run."""

import ast
from pathlib import Path


def piece(path: Path, name: str) -> str:
    """The source of a function or class of a script; `(top)` is what comes before the first."""
    source = path.read_text("utf-8")
    lines, body = source.splitlines(), ast.parse(source).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    definitions = [node for node in body if isinstance(node, kinds)]
    if name == "(top)":
        docstring = body[0].end_lineno or 0
        end = min((_start(node) for node in definitions), default=len(lines))
        return "\n".join(lines[docstring : end - 1]).strip()
    for node in definitions:
        if node.name == name:
            return "\n".join(lines[_start(node) - 1 : node.end_lineno])
    raise LookupError(f"{path.name} has no {name!r}, it has {[node.name for node in definitions]}")


def _start(node: ast.FunctionDef | ast.ClassDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
