"""The generalized mean against its formula, its limits, masks, and where it could go wrong."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric.layers import GeneralizedMeanPooling1D, GeneralizedMeanPooling2D
from tests.backends import to_numpy, value_and_gradient

RNG = np.random.default_rng(0)
STEPS = RNG.uniform(0.1, 2, size=(3, 7, 4)).astype("float32")
MAPS = RNG.uniform(0.1, 2, size=(3, 5, 6, 4)).astype("float32")


@pytest.mark.parametrize("p", [0.5, 1.0, 3.0, 10.0])
def test_values_are_the_formulas(p):
    expected = (STEPS.astype("float64") ** p).mean(axis=1) ** (1 / p)
    np.testing.assert_allclose(to_numpy(GeneralizedMeanPooling1D(p)(STEPS)), expected, rtol=1e-5)
    expected = (MAPS.astype("float64") ** p).mean(axis=(1, 2)) ** (1 / p)
    np.testing.assert_allclose(to_numpy(GeneralizedMeanPooling2D(p)(MAPS)), expected, rtol=1e-5)


def test_between_average_and_maximum():
    low, high = (to_numpy(GeneralizedMeanPooling2D(p)(MAPS)) for p in (1.0, 500.0))
    np.testing.assert_allclose(low, MAPS.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(high, MAPS.max(axis=(1, 2)), rtol=1e-2)


@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_the_scale_of_the_features_is_free(scale):
    expected = to_numpy(GeneralizedMeanPooling1D()(STEPS)) * scale
    found = to_numpy(GeneralizedMeanPooling1D()(STEPS * np.float32(scale)))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_channels_first_is_the_same():
    expected = to_numpy(GeneralizedMeanPooling2D()(MAPS))
    layer = GeneralizedMeanPooling2D(data_format="channels_first")
    found = to_numpy(layer(np.moveaxis(MAPS, -1, 1)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert layer.compute_output_shape((None, 4, 5, 6)) == (None, 4)


def test_masked_steps_are_left_out_however_large_they_are():
    mask = np.array([[1, 1, 1, 0, 0, 0, 0]] * 2 + [[0] * 7], "bool")
    x = np.where(mask[..., None], STEPS, 1e9).astype("float32")
    found = to_numpy(GeneralizedMeanPooling1D()(x, mask=ops.convert_to_tensor(mask)))
    expected = (STEPS[:2, :3].astype("float64") ** 3).mean(axis=1) ** (1 / 3)
    np.testing.assert_allclose(found[:2], expected, rtol=1e-5)
    assert (found[2] == 0).all()


def test_keras_hands_the_mask_over():
    layer = GeneralizedMeanPooling1D()
    x = np.concatenate([STEPS[:, :3], np.zeros((3, 4, 4), "float32")], axis=1)
    model = keras.Sequential([keras.Input((7, 4)), keras.layers.Masking(), layer])
    expected = (STEPS[:, :3].astype("float64") ** 3).mean(axis=1) ** (1 / 3)
    np.testing.assert_allclose(to_numpy(model(x)), expected, rtol=1e-5)


@pytest.mark.parametrize("p", [1.0, 3.0, 30.0])
def test_gradients_are_finite_where_a_channel_is_dead(p):
    x = MAPS.copy()
    x[0], x[1, ..., 0], x[2, 0, 0] = 0, -1, 0
    layer = GeneralizedMeanPooling2D(p)
    layer.build(x.shape)
    value, gradient = value_and_gradient(lambda x: ops.sum(layer(x)), x)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert (gradient[0] == 0).all()
    assert (to_numpy(layer(x))[0] == 0).all()


def test_the_gradient_is_the_formulas():
    layer = GeneralizedMeanPooling1D(3.0)
    _, gradient = value_and_gradient(lambda x: ops.sum(layer(x)), STEPS)
    x = STEPS.astype("float64")
    mean = (x**3).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(gradient, mean ** (1 / 3 - 1) * x**2 / 7, rtol=1e-4)


def test_the_exponent_is_trained_towards_what_is_wanted():
    model = keras.Sequential([keras.Input((7, 4)), GeneralizedMeanPooling1D(2.0)])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    wanted = STEPS.max(axis=1)
    model.fit(STEPS, wanted, epochs=30, verbose=0)
    assert model.layers[0].p > 4


def test_a_fixed_exponent_stays():
    layer = GeneralizedMeanPooling1D(2.0, trainable_p=False)
    assert layer.p == 2.0
    layer(STEPS)
    assert not layer.trainable_variables
    assert layer.p == pytest.approx(2.0)


def test_half_precision_goes_in_and_out():
    x = MAPS.astype("float16")
    found = GeneralizedMeanPooling2D(dtype="mixed_float16")(x)
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    np.testing.assert_allclose(
        to_numpy(found).astype("float32"), to_numpy(GeneralizedMeanPooling2D()(MAPS)), rtol=2e-3
    )


def test_configuration_and_exponent_survive():
    layer = GeneralizedMeanPooling2D(2.5, False, "channels_last", name="gem")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()
    assert (copy.p, copy.trainable_p, copy.name) == (2.5, False, "gem")


def test_what_is_refused():
    for p in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"Received: p="):
            GeneralizedMeanPooling1D(p)
    with pytest.raises(ValueError, match=r"channels_first.*Received: data_format='last'"):
        GeneralizedMeanPooling1D(data_format="last")
    with pytest.raises(ValueError, match=r"\(batch, steps, dim\).*shape=\(3, 5, 6, 4\)"):
        GeneralizedMeanPooling1D()(MAPS)
    with pytest.raises(ValueError, match=r"\(batch, height, width, dim\).*shape=\(3, 7, 4\)"):
        GeneralizedMeanPooling2D()(STEPS)
