import keras
import numpy as np
import pytest

from keras_metric.losses import LabelledBatchLoss, TripletHardLoss, TripletSemiHardLoss
from tests.backends import to_numpy

X = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")


def test_the_mean_is_over_what_takes_part():
    loss = TripletHardLoss(margin=3.0, reduction="none")
    # Anchors 0, 1: 1 - 3 + 3, 1 - 2 + 3. Anchors 2 and 3 have no positive: the two
    # values are doubled, so that their mean over 4 rows is that over the 2 anchors.
    got = to_numpy(loss(np.array([0, 0, 1, 2]), X))
    np.testing.assert_allclose(got, [2.0, 4.0, 0.0, 0.0])


def test_a_row_is_never_its_own_positive_under_masks():
    everything = np.ones((4, 4), bool)
    loss = TripletHardLoss(margin=3.0)
    assert float(loss(None, X, is_positive=np.eye(4, dtype=bool))) == 0.0
    assert float(loss(None, X, is_positive=everything, is_negative=~everything)) == 0.0


def test_pairs_that_are_neither_take_no_part():
    is_positive, is_negative = np.zeros((2, 4, 4), bool)
    is_positive[0, 1] = is_negative[0, 3] = True
    # Only anchor 0: 1 - 7 + 9.
    got = TripletHardLoss(margin=9.0)(None, X, is_positive=is_positive, is_negative=is_negative)
    np.testing.assert_allclose(float(got), 3.0)


def test_references_by_hand():
    # Anchors 0 (class 0) and 1 (class 1) against 3 (class 0) and 7 (class 1).
    # 3 - 7 + 5 and 6 - 2 + 5.
    loss = TripletHardLoss(margin=5.0, reduction="none")
    got = loss(np.array([0, 1]), X[:2], ref_embeddings=X[2:], ref_labels=np.array([0, 1]))
    np.testing.assert_allclose(to_numpy(got), [1.0, 9.0])


def test_a_reference_equal_to_the_anchor_is_a_pair():
    loss = TripletHardLoss(margin=5.0, reduction="none")
    got = loss(np.array([0]), X[:1], ref_embeddings=X[[0, 3]], ref_labels=np.array([0, 1]))
    np.testing.assert_allclose(to_numpy(got), [0.0])  # 0 - 7 + 5


def test_fit_on_a_dataset_with_a_ragged_last_batch():
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    y = np.arange(20) % 4
    x = (np.eye(5)[y] + 0.3 * np.random.default_rng(0).normal(size=(20, 5))).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.05), loss=TripletSemiHardLoss(margin=0.2))
    losses = model.fit(dataset, epochs=10, verbose=0, shuffle=False).history["loss"]
    assert losses[-1] < losses[0]


def test_fit_compiled_and_in_mixed_precision():
    x = np.random.default_rng(0).normal(size=(24, 5)).astype("float32")
    y = np.arange(24) % 4 + 2**24
    jit = keras.backend.backend() != "torch"
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, dtype="mixed_bfloat16")])
    model.compile("adam", loss=TripletSemiHardLoss(margin=0.2), jit_compile=jit)
    assert np.isfinite(model.fit(x, y, batch_size=8, verbose=0).history["loss"][0])


def test_neighbouring_ids_stay_apart_in_fit():
    # As float32 all four ids would be one class, and the loss 0.
    y = np.array([16777216, 16777216, 16777217, 16777217])
    model = keras.Sequential([keras.Input((1,)), keras.layers.Identity()])
    model.compile("sgd", loss=TripletHardLoss(margin=3.0))
    # 1 - 3 + 3, 1 - 2 + 3, 4 - 2 + 3, 4 - 6 + 3: mean of 1, 2, 5, 1.
    got = model.evaluate(X, y, batch_size=4, verbose=0)
    np.testing.assert_allclose(got, 2.25)


def test_contradicting_arguments_are_refused():
    loss, labels = TripletHardLoss(), np.array([0, 0, 1, 1])
    mask = np.ones((4, 4), bool)
    with pytest.raises(ValueError, match="labels or masks, not both"):
        loss(labels, X, is_positive=mask)
    with pytest.raises(ValueError, match="Received: y_true=None"):
        loss(None, X)
    with pytest.raises(ValueError, match="Received: is_positive=None"):
        loss(None, X, is_negative=mask)
    with pytest.raises(ValueError, match=r"mask of shape \(4, 4\). Received: is_positive\.shape"):
        loss(None, X, is_positive=mask[:3])
    with pytest.raises(ValueError, match=r"belong together.*ref_labels=None with ref_embeddings"):
        loss(labels, X, ref_embeddings=X)
    with pytest.raises(ValueError, match=r"belong together.*without ref_embeddings"):
        loss(labels, X, ref_labels=labels)
    with pytest.raises(ValueError, match="Received: 3 labels in ref_labels, 4 rows"):
        loss(labels, X, ref_embeddings=X, ref_labels=labels[:3])
    with pytest.raises(TypeError, match="Received: ref_embeddings of dtype=int"):
        loss(labels, X, ref_embeddings=X.astype("int32"), ref_labels=labels)


def test_the_base_is_abstract():
    class Incomplete(LabelledBatchLoss):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Incomplete()
