"""Products class by class, in tiles, against the whole product; and the loss that uses them."""

import numpy as np
import pytest
from keras import ops

from keras_metric import losses
from keras_metric.losses import _angular, _class_product
from keras_metric.losses._class_product import class_product, class_product_gradient
from tests.backends import (
    is_compiled_for_any_batch,
    only_where_constants_can_slip_in,
    to_numpy,
    value_and_gradient,
)
from tests.oracles import losses as oracle


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(_class_product, "_TILE", 4)
    monkeypatch.setattr(_class_product, "_IS_WHOLE", False)
    monkeypatch.setattr(_angular, "LEAST_ROWS", 8)
    monkeypatch.setattr(_angular, "MOST_TO_WALK", 0)


@pytest.mark.parametrize("sizes", [[8, 8], [5, 9], [3, 4, 6, 1], [12]])
def test_products_and_their_gradient(sizes):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    same = labels[:, None] == labels
    matrix = rng.random(same.shape).astype("float32") * ~same
    slopes = rng.normal(size=same.shape).astype("float32") * same
    of_class, of_others, x, by = (
        ops.convert_to_tensor(value.astype("float32")) for value in (same, ~same, matrix, slopes)
    )
    value = to_numpy(class_product(x, of_class, of_others)) * same
    np.testing.assert_allclose(value, (matrix @ matrix.T) * same, atol=1e-5)
    gradient = to_numpy(class_product_gradient(by, x, of_class, of_others)) * ~same
    expected = ((slopes + slopes.T) @ matrix) * ~same
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def test_tiles_without_a_pair_are_left_out():
    labels = np.repeat(np.arange(4), 4)
    same = (labels[:, None] == labels).astype("float32")
    of_class, of_others = ops.convert_to_tensor(same), ops.convert_to_tensor(1 - same)
    value = to_numpy(class_product(of_others, of_class, of_others))
    assert (value[same == 0] == 0).all()  # the whole product has 8 there
    assert (value[same == 1] == 12).all()


def batch_of(num_classes, seed=0, size=21):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(size) % num_classes)
    return labels, rng.normal(size=(size, 5)).astype("float32")


@pytest.mark.parametrize("num_classes", [2, 3])
def test_angular_loss_by_class_is_the_plain_loop(num_classes, monkeypatch):
    labels, x = batch_of(num_classes)
    value, gradient = value_and_gradient(lambda x: losses.AngularLoss()(labels, x), x)
    np.testing.assert_allclose(value, oracle.angular(labels, x.astype(float)), rtol=1e-5)
    monkeypatch.setattr(_angular, "LEAST_ROWS", 10**6)
    _, expected = value_and_gradient(lambda x: losses.AngularLoss()(labels, x), x)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_anchors_keep_their_values_and_weights():
    labels, x = batch_of(2)
    one_by_one = to_numpy(losses.AngularLoss(reduction="none")(labels, x))
    order = np.argsort(labels, kind="stable")
    ordered = to_numpy(losses.AngularLoss(reduction="none")(labels[order], x[order]))
    np.testing.assert_allclose(one_by_one[order], ordered, rtol=1e-5)
    assert len(np.unique(one_by_one.round(5))) > 10


def test_masks_that_are_not_of_classes_are_not_taken_for_them(monkeypatch):
    labels, x = batch_of(2)
    positive = labels[:, None] == labels
    negative = ~positive
    negative[3, :10] = False
    masks = {"is_positive": positive, "is_negative": negative}
    value = float(losses.AngularLoss()(None, x, **masks))
    monkeypatch.setattr(_angular, "LEAST_ROWS", 10**6)
    np.testing.assert_allclose(value, float(losses.AngularLoss()(None, x, **masks)), rtol=1e-6)


@only_where_constants_can_slip_in
def test_a_program_serves_all_batches_of_a_shape():
    assert is_compiled_for_any_batch(losses.AngularLoss(), *batch_of(2))
