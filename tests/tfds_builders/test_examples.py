"""The docstrings' examples run."""

import doctest
import importlib
import pkgutil

import pytest

import tfds_builders.sources
import tfds_builders.streams

MODULES = sorted(
    module.name
    for package in (tfds_builders.sources, tfds_builders.streams)
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + ".")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    result = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert result.failed == 0
