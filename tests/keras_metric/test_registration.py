"""Names under which Keras saves: two objects of one name would load as the later one."""

import importlib
import inspect

import keras
import pytest

FAMILIES = ["layers", "losses", "metrics", "miners", "distances", "regularizers", "callbacks"]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_keras_saves_by_name_is_what_it_loads(family):
    module = importlib.import_module(f"keras_metric.{family}")
    for other in FAMILIES:  # registers all names there are
        importlib.import_module(f"keras_metric.{other}")
    found = 0
    for value in vars(module).values():
        if inspect.isclass(value) or inspect.isfunction(value):
            name = keras.saving.get_registered_name(value)
            if name.startswith("keras_metric>"):
                found += 1
                assert keras.saving.get_registered_object(name) is value, name
    assert found or family in ("callbacks", "distances")
