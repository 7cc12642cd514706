import numpy as np
import pytest
from keras import ops

from keras_metric.losses import TripletSemiHardLoss, _semi_hard
from tests.backends import to_numpy, value_and_gradient
from tests.keras_metric.losses.cases import labelled_batch

# Pairs 0-1, 1-0, 2-3, 3-2. Distances from 0: 1, then negatives 3, 7; from 1: 1, then
# 2, 6; from 3: 4, then negatives 3, 2: none is farther, the farthest is 3; from 7: 4,
# then negatives 6, 7.
X = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
LABELS = np.array([0, 0, 1, 1])


def plain_loop(labels, distances, margin):
    terms = []
    for a in range(len(labels)):
        negatives = [distances[a, n] for n in range(len(labels)) if labels[n] != labels[a]]
        for p in range(len(labels)):
            if p == a or labels[p] != labels[a] or not negatives:
                continue
            farther = [d for d in negatives if d > distances[a, p]]
            negative = min(farther) if farther else max(negatives)
            terms.append(max(0.0, margin + distances[a, p] - negative))
    return sum(terms) / len(terms) if terms else 0.0


def test_hand_computed():
    loss = TripletSemiHardLoss(margin=2.5, reduction="none")
    # 1 - 3 + 2.5, 1 - 2 + 2.5, 4 - 3 + 2.5, 4 - 6 + 2.5.
    np.testing.assert_allclose(to_numpy(loss(LABELS, X)), [0.5, 1.5, 3.5, 0.5])


def test_hand_computed_gradient():
    # Each of the four hinges is open: d(0) = |x0 - x1| - |x0 - x2| and so on.
    # x0: -1 + 1 from its own, -1 from anchor 1, +1 as anchor 2's negative: |x2 - x0|.
    # Written as derivatives of |u - v|: sign(u - v) for u, the opposite for v, / 4.
    pairs = [(0, 1, 2), (1, 0, 2), (2, 3, 0), (3, 2, 1)]
    expected = np.zeros(4)
    for a, p, n in pairs:
        toward, away = np.sign(X[a, 0] - X[p, 0]), np.sign(X[a, 0] - X[n, 0])
        expected[a] += (toward - away) / 4
        expected[p] -= toward / 4
        expected[n] += away / 4
    _, gradient = value_and_gradient(lambda x: TripletSemiHardLoss(2.5)(LABELS, x), X)
    np.testing.assert_allclose(gradient[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("most_to_walk", [-1, 10**6], ids=["sort", "walk"])
@pytest.mark.parametrize("seed", range(4))
def test_both_ways_are_the_plain_loop_ties_included(monkeypatch, most_to_walk, seed):
    monkeypatch.setattr(_semi_hard, "_MOST_TO_WALK", most_to_walk)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, seed + 2, 20)
    x = rng.integers(0, 4, (20, 2)).astype("float32")  # a grid: many equal distances
    distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    got = float(TripletSemiHardLoss(margin=0.7)(labels, x))
    np.testing.assert_allclose(got, plain_loop(labels, distances, 0.7), rtol=1e-5)


@pytest.mark.parametrize("classes", [2, 5])
def test_both_ways_have_the_same_gradient(monkeypatch, classes):
    x = np.random.default_rng(0).normal(size=(24, 5)).astype("float32")
    labels = np.arange(24) % classes
    results = []
    for most_to_walk in (-1, 10**6):
        monkeypatch.setattr(_semi_hard, "_MOST_TO_WALK", most_to_walk)
        results.append(value_and_gradient(lambda x: TripletSemiHardLoss(0.5)(labels, x), x))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-4, atol=1e-6)


def test_an_equally_distant_negative_is_not_semi_hard():
    x = np.array([[0.0], [1.0], [-1.0], [3.0]], "float32")
    # Anchor 0: the negative at distance 1 is not farther than the positive at 1; 3 is.
    loss = TripletSemiHardLoss(margin=2.5, reduction="none")
    got = to_numpy(loss(np.array([0, 0, 1, 2]), x))
    # Two pairs count, so values are doubled: 1 - 3 + 2.5, and from 1: 1 - 2 + 2.5.
    np.testing.assert_allclose(got, [1.0, 3.0, 0.0, 0.0])


def test_the_distance_may_be_a_function():
    labels, x = labelled_batch()
    expected = float(TripletSemiHardLoss(0.4, "squared-L2")(labels, x))

    def squared(a):
        return ops.sum(ops.square(ops.expand_dims(a, 1) - ops.expand_dims(a, 0)), axis=-1)

    np.testing.assert_allclose(float(TripletSemiHardLoss(0.4, squared)(labels, x)), expected, 1e-5)


def test_arguments_are_checked():
    for margin in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(
            ValueError, match=r"margin must be greater than 0 and finite\. Received"
        ):
            TripletSemiHardLoss(margin=margin)
    for margin in ("wide", None, True):
        with pytest.raises(TypeError, match=r"margin must be a number\. Received: margin="):
            TripletSemiHardLoss(margin=margin)
    with pytest.raises(ValueError, match="Did you mean 'L2'"):
        TripletSemiHardLoss(distance_metric="l2")
    with pytest.raises(ValueError, match="two names of one argument"):
        TripletSemiHardLoss(distance="L2", distance_metric="L2")
