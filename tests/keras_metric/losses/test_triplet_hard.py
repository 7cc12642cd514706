import numpy as np
import pytest
from keras import ops

from keras_metric.losses import TripletHardLoss

X = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
LABELS = np.array([0, 0, 1, 1])


def test_hand_computed():
    # Anchors 0, 1: 1 - 3 + 3, 1 - 2 + 3.  Anchors 2, 3: 4 - 2 + 3, 4 - 6 + 3.
    loss = TripletHardLoss(margin=3.0, reduction="none")(LABELS, X)
    np.testing.assert_allclose(ops.convert_to_numpy(loss), [1.0, 2.0, 5.0, 1.0], rtol=1e-6)


def test_soft_is_log1p_of_exp():
    gaps = np.array([1.0, 2.0, 5.0, 1.0])
    loss = TripletHardLoss(margin=3.0, soft=True)(LABELS, X)
    np.testing.assert_allclose(float(loss), np.log1p(np.exp(gaps)).mean(), rtol=1e-6)


def test_anchor_without_positive_leaves_the_mean():
    # The third row has no positive: 1 - 3 + 3 and 1 - 2 + 3 remain.
    loss = TripletHardLoss(margin=3.0)(np.array([0, 0, 1]), X[:3])
    np.testing.assert_allclose(float(loss), (1.0 + 2.0) / 2, rtol=1e-6)


def test_batch_without_triplets_is_zero():
    assert float(TripletHardLoss()(np.arange(4), X)) == 0.0
    with pytest.raises(ValueError, match=r"margin"):
        TripletHardLoss(margin=-1)
