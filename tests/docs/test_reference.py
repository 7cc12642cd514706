"""Every public name is in the reference, and every page is in the navigation."""

import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import pages
import pytest

DOCS = Path(__file__).parents[2] / "docs"
# Packages whose parts are documented at a shorter address.
ELSEWHERE = {
    "keras_metric.retrieval.metrics": "keras_metric.retrieval",
    "tfds_builders.builders": "tfds_builders",
}


@cache
def documented():
    found = []
    for page in sorted((DOCS / "reference").glob("*.md")):
        found += re.findall(r"^::: (\S+)$", pages.filled(page.read_text("utf-8")), re.MULTILINE)
    return found


def public_modules():
    """The packages, and their modules that are public."""
    waiting = [importlib.import_module(name) for name in ("keras_metric", "tfds_builders")]
    found = {}
    while waiting:
        module = waiting.pop()
        found[module.__name__] = module
        waiting += [
            value for value in members(module) if isinstance(value, ModuleType) and is_own(value)
        ]
    return found


def members(module):
    names = getattr(module, "__all__", None) or vars(module)
    return [getattr(module, name) for name in names if not name.startswith("_")]


def is_own(module):
    name = module.__name__
    is_part = name.startswith(("keras_metric.", "tfds_builders."))
    is_dataset = name.endswith("_dataset_builder")
    return is_part and not is_dataset and "._" not in name and module.__doc__ is not None


def own_members(module):
    """What a module is there for: classes and functions made in its package."""
    for value in members(module):
        is_kind = inspect.isclass(value) or inspect.isfunction(value)
        home = getattr(value, "__module__", "")
        # A package shows what its files made; a module, what it made itself.
        is_here = home.startswith(module.__name__ + ".") if is_package(module) else False
        if is_kind and (is_here or home == module.__name__):
            yield value.__name__


def is_package(module):
    return hasattr(module, "__path__")


@pytest.mark.parametrize("name", sorted(public_modules()))
def test_every_public_name_is_documented(name):
    module, shown = public_modules()[name], set(documented())
    home = ELSEWHERE.get(name, name)
    missing = [one for one in own_members(module) if f"{home}.{one}" not in shown]
    # A base class that users do not name is shown where it is public.
    missing = [one for one in missing if hasattr(importlib.import_module(home), one)]
    assert not missing


def test_the_test_sees_names():
    modules = public_modules()
    assert {"keras_metric.losses", "keras_metric.retrieval.engines", "tfds_builders.streams"} <= {
        *modules
    }
    assert "TripletSemiHardLoss" in set(own_members(modules["keras_metric.losses"]))
    assert "Indexer" in set(own_members(modules["keras_metric.retrieval"]))


def test_what_is_documented_exists_once():
    shown = documented()
    assert len(shown) == len(set(shown))
    for name in shown:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name
