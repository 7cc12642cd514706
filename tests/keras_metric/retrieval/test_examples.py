"""The docstrings' examples run."""

import doctest
import importlib
import pkgutil

import pytest

import keras_metric.retrieval

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(
        keras_metric.retrieval.__path__, keras_metric.retrieval.__name__ + "."
    )
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    result = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert result.failed == 0
