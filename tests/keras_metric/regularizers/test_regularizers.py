"""Regularizers: against pytorch-metric-learning, at the edges, in models and saved."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import regularizers
from keras_metric.layers import ProxyHead
from tests.backends import value_and_gradient

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 5)).astype("float32")
CASES = {
    "norm": (regularizers.EmbeddingNorm(), lambda m: m.LpRegularizer()),
    "squared norm": (regularizers.EmbeddingNorm(power=2.0), lambda m: m.LpRegularizer(power=2)),
    "norm^1.5": (regularizers.EmbeddingNorm(power=1.5), lambda m: m.LpRegularizer(power=1.5)),
    "zero mean": (regularizers.ZeroMean(), lambda m: m.ZeroMeanRegularizer()),
    "spread": (regularizers.CenterSpread(), lambda m: m.RegularFaceRegularizer()),
    "sparse": (regularizers.SparseCenters(4), lambda m: m.SparseCentersRegularizer(2, 4)),
    "spherical": (regularizers.Spherical(), lambda m: m.CenterInvariantRegularizer()),
}
every_case = pytest.mark.parametrize("name", CASES)


def reduced(regularizer, reduction):
    return type(regularizer)(**{**regularizer.get_config(), "reduction": reduction})


@every_case
def test_the_mean_is_that_of_pytorch_metric_learning(name):
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("pytorch_metric_learning.regularizers")
    ours, build = reduced(CASES[name][0], "mean"), CASES[name][1]
    given = torch.tensor(X, requires_grad=True)
    expected = build(peer)(given)
    expected.backward()
    value, gradient = value_and_gradient(ours, X)
    np.testing.assert_allclose(value, expected.item(), rtol=1e-5)
    np.testing.assert_allclose(gradient, given.grad.numpy(), rtol=1e-4, atol=1e-5)


@every_case
def test_compiled_the_gradient_is_the_same(name):
    _, gradient = value_and_gradient(CASES[name][0], X, jit=False)
    _, compiled = value_and_gradient(CASES[name][0], X, jit=True)
    np.testing.assert_allclose(compiled, gradient, rtol=1e-4, atol=1e-5)


@every_case
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_finite_on_zeros_and_equal_rows(name, dtype):
    for x in (np.zeros((8, 5)), np.ones((8, 5)), 1e2 * X):
        value, gradient = value_and_gradient(CASES[name][0], x.astype("float32"), dtype=dtype)
        assert np.isfinite(value)
        assert np.isfinite(gradient.astype("float32")).all() or dtype == "float16"


@every_case
def test_the_configuration_rebuilds_it(name):
    ours = CASES[name][0]
    other = "mean" if ours.reduction == "sum" else "sum"
    ours = type(ours)(**{**ours.get_config(), "weight": 0.25, "reduction": other})
    assert set(inspect.signature(type(ours).__init__).parameters) - {"self"} == set(
        ours.get_config()
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(ours))
    assert again.get_config() == ours.get_config()
    expected = 0.25 * float(reduced(CASES[name][0], other)(X))
    np.testing.assert_allclose(float(again(X)), expected, rtol=1e-6)


@every_case
def test_of_activities_the_sum_becomes_the_mean(name):
    ours = reduced(CASES[name][0], "sum")
    ours.weight = 0.25
    layer = keras.layers.Activation("linear", activity_regularizer=ours)
    for x in (X, np.concatenate([X, X])):
        layer(x)
        expected = 0.25 * float(reduced(CASES[name][0], "mean")(x))
        np.testing.assert_allclose(float(layer.losses[0]), expected, rtol=1e-6)


def test_defaults_of_embeddings_and_of_proxies():
    x = np.array([[3.0, 4.0], [0.0, -1.0]], "float32")
    for ours, mean in (
        (regularizers.EmbeddingNorm(0.5), (5 + 1) / 2),
        (regularizers.EmbeddingNorm(0.5, power=2.0), (25 + 1) / 2),
        (regularizers.ZeroMean(0.5), (7 + 1) / 2),
    ):
        layer = keras.layers.Activation("linear", activity_regularizer=ours)
        layer(x)
        np.testing.assert_allclose(float(layer.losses[0]), 0.5 * mean, rtol=1e-6)
    for ours in (
        regularizers.CenterSpread(0.5),
        regularizers.SparseCenters(2, 0.5),
        regularizers.Spherical(0.5),
    ):
        head = ProxyHead(4, 2, kernel_regularizer=ours)
        head.build((None, 5))
        head.proxies.assign(X)
        expected = float(reduced(ours, "mean")(X))
        loss = float(ops.stop_gradient(head.losses[0]))
        np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_in_a_model_and_saved(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(4, activity_regularizer=regularizers.EmbeddingNorm(0.1)),
            ProxyHead(3, 2, kernel_regularizer=regularizers.SparseCenters(2)),
        ]
    )
    model(X)
    assert len(model.losses) == 2
    assert all(ops.convert_to_numpy(loss) > 0 for loss in model.losses)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.layers[-1].kernel_regularizer) is regularizers.SparseCenters


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"weight must be at least 0.*weight=-1"):
        regularizers.ZeroMean(-1)
    with pytest.raises(ValueError, match=r"'mean', 'sum'. Received: reduction='none'"):
        regularizers.ZeroMean(reduction="none")
    with pytest.raises(ValueError, match=r"at least 2. Received: centers_per_class=1"):
        regularizers.SparseCenters(1)
    with pytest.raises(ValueError, match=r"multiple of 3 rows. Received: x\.shape=\(8, 5\)"):
        regularizers.SparseCenters(3)(X)
    with pytest.raises(ValueError, match=r"rows of shape \(rows, dim\)"):
        regularizers.Spherical()(X[None])
