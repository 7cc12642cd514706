"""A product at a few places of each row, and its gradient, against the whole product."""

import keras
import numpy as np
import pytest

from keras_metric.losses import _sampled_product
from keras_metric.losses._sampled_product import sampled_product
from tests.backends import value_and_gradient


@pytest.mark.parametrize("most", [0, 2, 32])
@pytest.mark.parametrize("chance", [0.0, 0.2, 1.0])
def test_value_and_gradients(monkeypatch, most, chance):
    monkeypatch.setattr(_sampled_product, "MOST_TO_WALK", most)
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(rows, 4)).astype("float32") for rows in (6, 9))
    mask, slopes = rng.random((6, 9)) < chance, rng.normal(size=(6, 9)).astype("float32")

    tensors = [keras.ops.convert_to_tensor(x) for x in (left, right, mask, slopes)]

    def of_left(x):
        return keras.ops.sum(tensors[3] * sampled_product(x, tensors[1], tensors[2]))

    def of_right(x):
        return keras.ops.sum(tensors[3] * sampled_product(tensors[0], x, tensors[2]))

    here = slopes * mask
    value, gradient = value_and_gradient(of_left, left)
    np.testing.assert_allclose(value, (here * (left @ right.T)).sum(), rtol=1e-5)
    np.testing.assert_allclose(gradient, here @ right, atol=1e-5)
    _, gradient = value_and_gradient(of_right, right)
    np.testing.assert_allclose(gradient, here.T @ left, atol=1e-5)
