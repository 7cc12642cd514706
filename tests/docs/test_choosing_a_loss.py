"""The guide's tables of losses are those of the code, and its examples run."""

import inspect
import re
from pathlib import Path

import losses as hook
import pages
import pytest

from keras_metric import losses

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "choosing-a-loss.md"


def usable():
    for name, value in vars(losses).items():
        is_loss = inspect.isclass(value) and issubclass(value, losses.MetricLoss)
        if is_loss and not inspect.isabstract(value) and value is not losses.MetricLoss:
            yield name


def test_every_loss_is_in_one_table_of_the_guide():
    filled = pages.filled(GUIDE.read_text("utf-8"))
    shown = re.findall(r"^\| \[`(\w+)`\]\[keras_metric\.losses\.\1\]", filled, re.MULTILINE)
    assert sorted(shown) == sorted(usable())
    assert set(hook.WHEN) == set(usable())
    assert set(hook.WHY) | set(hook.FORMULA) <= set(usable())


@pytest.mark.parametrize("loss", hook.all_losses(), ids=lambda loss: loss.name)
def test_a_row_says_what_is_asked_of_it(loss):
    for column in ("formula", "averaged", "distance", "why", "paper"):
        assert getattr(loss, column), f"the docstring of {loss.name} has no {column}"
    parameters = inspect.signature(getattr(losses, loss.name)).parameters
    is_told = "distance" in parameters and parameters["distance"].default is not None
    assert (loss.name in hook.DISTANCES) == (not is_told and loss.kind != "proxies")
    shown = re.findall(r"`(\w+)=", loss.defaults)
    assert set(shown) <= set(parameters)
    for name in shown:
        assert f"`{name}={parameters[name].default!r}`" in loss.defaults
    if {"margin", "pos_margin", "m"} & set(parameters):
        assert loss.margins


def test_an_unknown_kind_is_an_error():
    with pytest.raises(LookupError, match="no losses of kind 'quads'"):
        hook.losses_table("quads")


def test_the_guides_code_runs():
    blocks = re.findall(
        r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 4
    exec(compile("\n".join(blocks), str(GUIDE), "exec"), {})
