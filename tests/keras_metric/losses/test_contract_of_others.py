"""What losses promise that form no pairs in a labelled batch; one joins by being public."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import losses
from tests.backends import to_numpy, value_and_gradient
from tests.benchmarks.loss_cells import head_of, inputs, public_losses

OTHERS = {name: kind for name, kind in public_losses().items() if kind != "labelled"}
every_loss = pytest.mark.parametrize("name", OTHERS)


def loss_of(name, /, **kwargs):
    return getattr(losses, name)(**kwargs)


def outputs_of(name):
    """Labels and what the model puts out for them: 16 rows."""
    labels, x = inputs(OTHERS[name], 16, None)
    if not OTHERS[name].startswith("proxies"):
        return labels, x
    head = head_of(name, len(x) - 16)
    return labels, to_numpy(head.stateless_call([x[16:]], [], x[:16])[0])


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_value_and_gradient_are_finite(name, dtype):
    labels, x = outputs_of(name)
    loss = loss_of(name)
    for rows in (x, np.zeros_like(x), np.broadcast_to(x[:1], x.shape)):
        value, gradient = value_and_gradient(
            lambda x: loss(labels, x), ops.cast(np.ascontiguousarray(rows), dtype)
        )
        assert np.isfinite(value)
        assert np.all(np.isfinite(gradient.astype("float32")))


@every_loss
def test_each_row_has_a_share_and_a_weight(name):
    labels, x = outputs_of(name)
    shares = to_numpy(loss_of(name, reduction="none")(labels, x))
    assert shares.shape == (16,)
    np.testing.assert_allclose(float(loss_of(name)(labels, x)), shares.mean(), rtol=1e-5)
    # Weights of 0 stand in the tests of the families: ProxyAnchorLoss leaves such rows out of
    # the others' shares.
    weights = np.array([0.5, 2.0] + [1.0] * 14, "float32")
    got = float(loss_of(name, reduction="sum")(labels, x, sample_weight=weights))
    np.testing.assert_allclose(got, (weights * shares).sum(), rtol=1e-5, atol=1e-6)


@every_loss
def test_configuration_holds_every_argument(name):
    loss = loss_of(name, name="mine", reduction="sum", dtype="float32")
    own = set(inspect.signature(type(loss).__init__).parameters) - {"self", "kwargs"}
    assert own | {"name", "reduction", "dtype"} == set(loss.get_config())
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


@every_loss
def test_compiled_equals_eager(name):
    labels, x = outputs_of(name)
    loss = loss_of(name)
    eager = value_and_gradient(lambda x: loss(labels, x), x, jit=False)
    compiled = value_and_gradient(lambda x: loss(labels, x), x, jit=True)
    np.testing.assert_allclose(compiled[0], eager[0], rtol=1e-4)
    np.testing.assert_allclose(compiled[1], eager[1], rtol=1e-3, atol=1e-4)
