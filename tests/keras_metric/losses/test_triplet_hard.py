import numpy as np

from keras_metric.losses import TripletHardLoss
from tests.backends import to_numpy

X = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
LABELS = np.array([0, 0, 1, 1])


def test_hand_computed():
    # Anchors 0, 1: 1 - 3 + 3, 1 - 2 + 3.  Anchors 2, 3: 4 - 2 + 3, 4 - 6 + 3.
    loss = TripletHardLoss(margin=3.0, reduction="none")
    np.testing.assert_allclose(to_numpy(loss(LABELS, X)), [1.0, 2.0, 5.0, 1.0], rtol=1e-6)


def test_soft_is_the_logarithm_of_one_plus_the_exponential():
    loss = TripletHardLoss(margin=3.0, soft=True, reduction="none")
    expected = np.log1p(np.exp([1.0, 2.0, 5.0, 1.0]))
    np.testing.assert_allclose(to_numpy(loss(LABELS, X)), expected, rtol=1e-6)


def test_plain_loop():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(16, 3)).astype("float32"), rng.integers(0, 5, 16)
    distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    terms = []
    for a in range(16):
        positives = [distances[a, p] for p in range(16) if p != a and labels[p] == labels[a]]
        negatives = [distances[a, n] for n in range(16) if labels[n] != labels[a]]
        if positives and negatives:
            terms.append(max(0.0, max(positives) - min(negatives) + 0.5))
    np.testing.assert_allclose(float(TripletHardLoss(0.5)(labels, x)), np.mean(terms), rtol=1e-5)
