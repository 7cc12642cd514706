"""The layers that train what a loss needs: a margin, a temperature, proxies."""

import functools
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import layers, losses
from tests.backends import to_numpy
from tests.keras_metric.losses.cases import labelled_batch


def test_margins_stand_after_the_embeddings():
    x = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    got = to_numpy(ops.stop_gradient(layers.LearnableMargin(2, initial=0.5)(x)))
    np.testing.assert_allclose(got, [[1.0, 2.0, 0.5, 0.5], [3.0, 4.0, 0.5, 0.5]])


@pytest.mark.parametrize("num_classes", [None, 3])
def test_the_loss_reads_the_learned_margin(num_classes):
    labels, x = labelled_batch()
    both = ops.stop_gradient(layers.LearnableMargin(num_classes, initial=0.9)(x))
    learned = losses.MarginLoss(beta=None, num_classes=num_classes)(labels, both)
    fixed = losses.MarginLoss(beta=0.9)(labels, x)
    np.testing.assert_allclose(float(learned), float(fixed), rtol=1e-6)


def test_each_class_has_its_own_margin():
    # Distances within classes 1 and 3; margins 0.5 and 2 of classes 1 and 0; margin 0.
    x = np.array([[0.0], [1.0], [10.0], [13.0]], "float32")
    both = np.concatenate([x, np.tile([2.0, 0.5], (4, 1))], axis=1)
    loss = losses.MarginLoss(margin=0.0, beta=None, num_classes=2)
    # Class 1: 1 - 0.5, for 2 anchors and 2 negatives; class 0: 3 - 2. No negative is near.
    np.testing.assert_allclose(float(loss(np.array([1, 1, 0, 0]), both)), (0.5 + 1.0) / 2)


def test_a_label_without_a_margin_is_nan_and_masks_are_refused():
    labels, x = labelled_batch()
    loss = losses.MarginLoss(beta=None, num_classes=2)
    assert np.isnan(float(loss(labels, x)))  # class 2 has none
    with pytest.raises(ValueError, match=r"need class ids. Received: y_true=None with num_cl"):
        loss(None, x, is_positive=labels[:, None] == labels[None])
    with pytest.raises(ValueError, match=r"beta=None 6 learned .*y_pred\.shape=\(12, 6\)"):
        losses.MarginLoss(beta=None, num_classes=6)(labels, x)
    with pytest.raises(ValueError, match="Received: 3 values in y_true, 12 rows in y_pred"):
        loss(labels[:3], x)
    with pytest.raises(TypeError, match=r"must be numbers from 0; .*y_true of dtype=<U"):
        loss(labels.astype(str), x)
    long = labels + 2**32  # 0 in the lower 32 bits is no class 0
    assert np.isnan(float(loss(long, x)))
    if keras.backend.backend() != "jax":
        assert np.isnan(float(loss(ops.convert_to_tensor(long), x)))


@pytest.mark.parametrize("num_classes", [None, 3])
def test_the_margin_is_trained_saved_and_restored(num_classes, tmp_path):
    labels, x = labelled_batch(size=24)
    margin = layers.LearnableMargin(num_classes, regularizer=keras.regularizers.L1(0.01))
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4), margin])
    model.compile("sgd", losses.MarginLoss(beta=None, num_classes=num_classes))
    model.fit(x, labels, batch_size=12, epochs=2, verbose=0)
    betas = to_numpy(ops.stop_gradient(margin.betas))
    assert np.all(np.abs(betas - 1.2) > 1e-4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(to_numpy(ops.stop_gradient(again.layers[-1].betas)), betas)
    assert again.layers[-1].get_config() == margin.get_config()
    expected = model.evaluate(x, labels, batch_size=12, verbose=0)
    got = again.evaluate(x, labels, batch_size=12, verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_the_dot_product_of_scaled_embeddings_is_the_cosine_by_the_temperature():
    views = np.random.default_rng(0).normal(size=(6, 2, 4)).astype("float32")
    scaled = ops.stop_gradient(layers.LearnableTemperature(0.2)(views))
    loss = losses.InfoNCELoss(temperature=1.0, distance="dot_product")
    expected = float(losses.InfoNCELoss(temperature=0.2)(None, views))
    np.testing.assert_allclose(float(loss(None, scaled)), expected, rtol=1e-5)
    labels, x = labelled_batch()
    loss = losses.NTXentLoss(temperature=1.0, distance="dot_product")
    expected = float(losses.NTXentLoss(temperature=0.2)(labels, x))
    scaled = ops.stop_gradient(layers.LearnableTemperature(0.2)(x))
    np.testing.assert_allclose(float(loss(labels, scaled)), expected, rtol=1e-5)


def test_the_temperature_is_trained_kept_above_its_lowest_saved_and_restored(tmp_path):
    labels, x = labelled_batch(size=24)
    temperature = layers.LearnableTemperature(0.1)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4), temperature])
    loss = losses.NTXentLoss(temperature=1.0, distance="dot_product")
    model.compile(keras.optimizers.SGD(0.1), loss)
    model.fit(x, labels, batch_size=12, verbose=0)
    trained = float(ops.stop_gradient(temperature.temperature))
    assert trained != pytest.approx(0.1, rel=1e-3)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert float(ops.stop_gradient(again.layers[-1].temperature)) == pytest.approx(trained)
    assert again.layers[-1].get_config() == temperature.get_config()
    temperature.log_scale.assign(20.0)
    assert float(ops.stop_gradient(temperature.temperature)) == pytest.approx(0.01, rel=1e-5)


def signed_square(sign, scaled):
    """`sign / t`, whose derivative by the trained `log(1 / t)` is itself."""
    return sign * ops.sum(ops.square(scaled), axis=-1)


def test_a_step_below_the_lowest_temperature_ends_there_and_the_next_leads_away():
    temperature = layers.LearnableTemperature(0.04, lowest=0.01)
    model = keras.Sequential([keras.Input((2,)), temperature])
    model.compile(keras.optimizers.SGD(1.0), signed_square)
    x, one = np.array([[3.0, 4.0]], "float32"), np.ones(1, "float32")
    model.fit(x, -one, verbose=0)  # to log(25) + 25, were it not for the limit of log(100)
    reached = float(ops.stop_gradient(ops.convert_to_tensor(temperature.log_scale)))
    assert reached == pytest.approx(math.log(100), rel=1e-6)
    model.optimizer.learning_rate = 0.001
    model.fit(x, one, verbose=0)  # to log(100) - 0.001 * 100
    assert float(ops.stop_gradient(temperature.temperature)) == pytest.approx(
        0.01 * math.exp(0.1), rel=1e-4
    )


def test_a_file_with_a_temperature_below_the_lowest_loads_and_trains_on(tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.LearnableTemperature(0.04)])
    model.layers[-1].log_scale.assign(math.log(200))
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    model.compile(keras.optimizers.SGD(0.001), signed_square)
    x, one = np.array([[3.0, 4.0]], "float32"), np.ones(1, "float32")
    # Read as 0.01; from log(200) - 0.001 * 100, the first step, to log(100); the second.
    for expected in (0.01, 0.01, 0.01 * math.exp(0.1)):
        got = float(ops.stop_gradient(model.layers[-1].temperature))
        assert got == pytest.approx(expected, rel=1e-4)
        model.fit(x, one, verbose=0)


def rounded(x, dtype):
    """The float32 values of `x` in `dtype`."""
    return to_numpy(ops.cast(ops.cast(x, dtype), "float32"))


@pytest.mark.parametrize(
    "make",
    [
        layers.LearnableMargin,
        layers.LearnableTemperature,
        functools.partial(layers.ProxyHead, 4),
        functools.partial(layers.ProxyHead, 4, 2),
        functools.partial(layers.ProxyHead, 4, similarity="squared_euclidean"),
        functools.partial(layers.ProxyHead, 4, lengths="both"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
def test_values_under_every_policy_are_those_of_float32(make, dtype, policy):
    _, x = labelled_batch()
    layer, wide = make(dtype=policy), make()
    inputs = keras.Input((6,), dtype=dtype)
    symbolic = layer(inputs)
    wide.build((None, 6))
    wide.set_weights([rounded(weight, "float32") for weight in layer.get_weights()])
    got = keras.Model(inputs, symbolic)(ops.cast(x, dtype))
    assert symbolic.dtype == keras.backend.standardize_dtype(got.dtype) == "float32"
    assert symbolic.shape[1:] == layer.compute_output_shape((None, 6))[1:] == got.shape[1:]
    # Unit vectors that come as float32 are not rounded; those that come as 16 bits are.
    expected = wide(rounded(x, dtype))
    got, expected = (to_numpy(ops.stop_gradient(values)) for values in (got, expected))
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.LearnableMargin(0), "num_classes must be a positive integer.*=0"),
        (lambda: layers.LearnableMargin(2.5), "num_classes must be a positive integer.*=2.5"),
        (lambda: layers.LearnableMargin()(np.ones((2, 3, 4), "float32")), r"\(2, 3, 4\)"),
        (lambda: layers.LearnableTemperature(0), "initial must be greater than 0.*initial=0"),
        (lambda: layers.LearnableTemperature(lowest=-1), "lowest must be greater than 0"),
        (lambda: layers.LearnableTemperature(0.1, 0.2), r"at most initial.*lowest=0\.2"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
