"""The public names of a package, read from its files without importing anything."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def public_names(module: str) -> list[str]:
    """Names that a module defines or re-exports as `from ._file import Name as Name`.

    Sub-modules are left out: each has a page or a section of its own.
    """
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found = set(_defined(file))
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {
                alias.name
                for alias in node.names
                if alias.asname == alias.name and not _is_module(node, alias.name, module)
            }
    return sorted((name for name in found if not name.startswith("_")), key=_order)


def _defined(file: Path) -> list[str]:
    kinds = (ast.ClassDef, ast.FunctionDef)
    tree = ast.parse(file.read_text("utf-8"))
    return [node.name for node in tree.body if isinstance(node, kinds)]


def _is_module(node: ast.ImportFrom, name: str, module: str) -> bool:
    parent = node.module or ""
    if node.level:
        parent = ".".join([module, parent]) if parent else module
    path = ROOT.joinpath(*parent.split("."), name)
    return path.is_dir() or path.with_suffix(".py").is_file()


def _order(name: str) -> tuple[bool, str]:
    """Classes first, then functions and constants."""
    return (not (name[0].isupper() and not name.isupper()), name.lower())
