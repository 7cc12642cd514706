import keras
import numpy as np
import pytest
from keras import ops

from keras_metric.losses import TripletHardLoss
from keras_metric.losses._labels import joint_ids, local_ids
from tests.backends import to_numpy

NAMES = np.array(["cat", "dog", "cat", "emu"])


def same(ids):
    ids = to_numpy(ids)
    return ids[:, None] == ids[None, :]


@pytest.mark.parametrize(
    "labels",
    [
        np.array([16777216, 16777217, 16777216, 16777218]),
        np.array([2**31, 2**31 + 1, 2**31, 2**31 - 1]),
        np.array([-5, 3, -5, 0], "int8"),
        np.array([200, 100, 200, 255], "uint8"),
        np.array([2**32 - 1, 0, 2**32 - 1, 1], "uint32"),
        np.array([2**64 - 1, 0, 2**64 - 1, 1], "uint64"),
        [7, 8, 7, 9],
        (b"a", b"b", b"a", b"c"),
        NAMES,
        NAMES.astype(object),
        np.array([[1.5], [2.5], [1.5], [0.5]]),
    ],
    ids=str,
)
def test_arrays_and_lists_are_numbered_exactly(labels):
    expected = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]], bool)
    np.testing.assert_array_equal(same(local_ids(labels)), expected)
    assert to_numpy(local_ids(labels)).max() < 4


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "uint32", "bool", "float32"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_tensors_are_numbered(dtype, shape):
    labels = ops.convert_to_tensor(np.array([1, 0, 1, 1]).reshape(shape).astype(dtype))
    expected = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [1, 0, 1, 1], [1, 0, 1, 1]], bool)
    np.testing.assert_array_equal(same(local_ids(labels)), expected)


def test_tensors_of_neighbouring_ids_above_2_to_24_stay_apart():
    labels = ops.convert_to_tensor(np.array([16777216, 16777217, 2**31 - 1, 2**31 - 2], "int32"))
    np.testing.assert_array_equal(same(local_ids(labels)), np.eye(4, dtype=bool))


def test_one_row_is_one_class():
    assert to_numpy(local_ids(ops.convert_to_tensor([5]))).tolist() == [0]
    assert to_numpy(local_ids([5])).tolist() == [0]


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_string_tensors_are_numbered(shape):
    labels = NAMES.reshape(shape)
    if keras.backend.backend() == "tensorflow":  # the one backend with string tensors
        import tensorflow as tf

        labels = tf.constant(labels)
    np.testing.assert_array_equal(same(local_ids(labels)), NAMES[:, None] == NAMES[None])


def test_two_sets_are_numbered_together():
    for convert in (np.asarray, ops.convert_to_tensor):
        a, b = joint_ids(convert([3, 9]), convert([[9], [4], [3]]))
        equal = to_numpy(a)[:, None] == to_numpy(b)[None]
        np.testing.assert_array_equal(equal, [[False, False, True], [True, False, False]])


@pytest.mark.parametrize("gap", [1, 2**31, 2**32, 2**40])
def test_long_ids_stay_apart(gap):
    x = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
    ids, loss = np.array([0, 0, gap, gap]), TripletHardLoss(margin=3.0)
    apart = (1 + 2 + 5 + 1) / 4  # 1 - 3 + 3, 1 - 2 + 3, 4 - 2 + 3, 4 - 6 + 3
    for same in (ids, ids.tolist(), ids[:, None]):
        np.testing.assert_allclose(float(loss(same, x)), apart)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Identity()])
    model.compile("sgd", loss=loss)
    is_lost = keras.backend.backend() == "jax" and gap >= 2**32  # docs/guides/backends.md
    expected = 0.0 if is_lost else apart
    np.testing.assert_allclose(model.evaluate(x, ids, verbose=0), expected)
    numbered = np.unique(ids, return_inverse=True)[1]
    np.testing.assert_allclose(model.evaluate(x, numbered, verbose=0), apart)


def test_long_ids_beside_a_tensor_are_exact_or_refused():
    ids, tensor = np.array([0, 2**32]), ops.convert_to_tensor(np.array([0, 1], "int32"))
    if keras.backend.backend() == "jax":
        with pytest.raises(ValueError, match=r"must be int32 here.*y_true from 0 to 4294967296"):
            joint_ids(ids, tensor)
        with pytest.raises(ValueError, match=r"np\.unique.*ref_labels from 0 to 4294967296"):
            joint_ids(tensor, ids)
        return
    a, b = joint_ids(ids, tensor)
    equal = to_numpy(a)[:, None] == to_numpy(b)[None]
    np.testing.assert_array_equal(equal, [[True, False], [False, False]])


@pytest.mark.parametrize("shape", [(4, 2), (4, 1, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"one class id a row.*Received: y_true\.shape=\(4, "):
        TripletHardLoss()(np.zeros(shape, "int32"), np.zeros((4, 2), "float32"))
