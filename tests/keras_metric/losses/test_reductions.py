"""What each of Keras's reductions means, for each family of losses, with and without weights."""

import keras
import numpy as np
import pytest

from keras_metric import losses
from tests.backends import to_numpy

X = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
LABELS = np.array([0, 0, 1, 2])  # rows 2 and 3 have no positive
COSINES = np.array([[0.9, 0.1], [0.2, 0.4], [-0.5, 0.5], [0.3, 0.3]], "float32")
SQUARE = np.array(
    [[3.0, 1.0, 0.0, 2.0], [0.5, 2.0, 1.0, 0.0], [1.0, 0.0, 4.0, 1.0], [2.0, 1.0, 0.0, 1.0]],
    "float32",
)
MULTI_HOT = np.array([[1, 0], [1, 1], [0, 0], [0, 1]])  # row 2 has no label


def cross_entropy(logits, targets):
    logits = logits.astype("float64")
    targets = targets / np.maximum(targets.sum(1, keepdims=True), 1)
    return np.log(np.exp(logits).sum(1)) - (targets * logits).sum(1)


def sup_con_multilabel():
    sums, counts = np.zeros(4), np.zeros(4)
    logits = -np.abs(X - X.T).astype("float64")
    for i, label in np.argwhere(MULTI_HOT):
        others = [j for j in range(4) if j != i]
        same = [j for j in others if MULTI_HOT[j, label]]
        sums[i] += np.log(np.exp(logits[i, others]).sum()) - logits[i, same].mean()
        counts[i] += 1
    return [(sums, counts)]


ALL = np.ones(4)
# A loss, its targets, its input, and of each mean that it adds what rows sum up, of how many.
CASES = {
    "pairs": (
        losses.ContrastiveLoss,
        {"margin": 4.0},
        [1, 0, 1, 0],
        X,
        [(np.array([0.0, 9.0, 9.0, 0.0]), ALL)],  # d^2 or max(4 - d, 0)^2
    ),
    "triplets": (
        losses.TripletMarginLoss,
        {"margin": 1.0},
        None,
        np.array([[0.5, 0.9], [0.1, 2.0], [3.0, 1.0], [1.0, 1.0]], "float32"),
        [(np.array([0.6, 0.0, 3.0, 1.0]), ALL)],  # p - n + 1
    ),
    "anchors": (
        losses.TripletHardLoss,
        {"margin": 3.0},
        LABELS,
        X,
        [(np.array([1.0, 2.0, 0.0, 0.0]), np.array([1, 1, 0, 0]))],  # 1 - 3 + 3, 1 - 2 + 3
    ),
    "pairs of anchors": (
        losses.ContrastivePairsLoss,
        {"pos_margin": 0.5, "neg_margin": 4.0},
        LABELS,
        X,
        [
            (np.array([0.5, 0.5, 0.0, 0.0]), np.array([1, 1, 0, 0])),  # 1 - 0.5
            (np.array([1.0, 2.0, 3.0, 0.0]), np.array([1, 1, 2, 0])),  # 4 - 3; 4 - 2
        ],
    ),
    "proxies": (
        losses.NormalizedSoftmaxLoss,
        {"temperature": 1.0},
        [0, 1, 1, 0],
        COSINES,
        [(cross_entropy(COSINES, np.eye(2)[[0, 1, 1, 0]]), ALL)],
    ),
    "views": (
        losses.InfoNCELoss,
        {"temperature": 1.0},
        None,
        SQUARE,
        [(cross_entropy(SQUARE, np.eye(4)), ALL)],
    ),
    "views of several labels": (
        losses.NpairsMultilabelLoss,
        {},
        MULTI_HOT,
        SQUARE,
        [
            (
                cross_entropy(SQUARE, MULTI_HOT @ MULTI_HOT.T) * [1, 1, 0, 1],
                np.array([1, 1, 0, 1]),
            )
        ],
    ),
    "anchors of several labels": (
        losses.SupConMultilabelLoss,
        {"temperature": 1.0, "distance": "L2"},
        MULTI_HOT,
        X,
        sup_con_multilabel(),
    ),
}
WEIGHTS = {
    "none": None,
    "half of the rows": np.array([1.0, 1.0, 0.0, 0.0], "float32"),
    "uneven": np.array([0.5, 2.0, 1.0, 3.0], "float32"),
    "zero": np.zeros(4, "float32"),
}


def expected(reduction, means, weights):
    rows = sum(sums * 4 / counts.sum() for sums, counts in means)
    if weights is None:
        weights = ALL
    elif reduction == "mean_with_sample_weight":
        totals = [((weights * sums).sum(), (weights * counts).sum()) for sums, counts in means]
        return sum(total / count if count else 0.0 for total, count in totals)
    if reduction in ("none", None):
        return weights * rows
    return (weights * rows).sum() / (1 if reduction == "sum" else 4)


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "mean", "sum", "none", None, "mean_with_sample_weight"]
)
@pytest.mark.parametrize("case", CASES)
def test_reduction_is_its_formula(case, reduction, weights):
    cls, arguments, y, x, means = CASES[case]
    loss = cls(**arguments, reduction=reduction)
    want = expected(reduction, means, weights)
    for given in (weights,) if weights is None else (weights, weights[:, None]):
        # Keras gives one value a row the shape of the weights.
        got = to_numpy(loss(y, x, sample_weight=given)).reshape(np.shape(want))
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_the_weighted_mean_is_over_the_anchors_that_count():
    loss = losses.TripletHardLoss(3.0, reduction="mean_with_sample_weight")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Identity()])
    model.compile("sgd", loss=loss)
    # Anchors 0 and 1 cost 1 and 2; the others have no positive, whatever they weigh.
    for weights, mean in (([1.0, 3.0, 0.0, 0.0], 7 / 4), ([1.0, 3.0, 5.0, 9.0], 7 / 4)):
        weights = np.array(weights, "float32")
        np.testing.assert_allclose(float(loss(LABELS, X, weights)), mean, rtol=1e-6)
        got = model.evaluate(X, LABELS, sample_weight=weights, verbose=0)
        np.testing.assert_allclose(got, mean, rtol=1e-6)


def test_one_weight_for_all_rows_leaves_the_weighted_mean_as_it_is():
    loss = losses.TripletHardLoss(3.0, reduction="mean_with_sample_weight")
    np.testing.assert_allclose(float(loss(LABELS, X, 5.0)), 3 / 2, rtol=1e-6)
