"""The docstrings' examples run."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import keras_metric
import tfds_builders

# A dataset's folder is imported by TFDS, not by users; `__main__` is a command.
MODULES = sorted(
    module.name
    for package in (keras_metric, tfds_builders)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    with np.printoptions(legacy="1.25"):
        result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0
