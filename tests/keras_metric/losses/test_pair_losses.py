"""The losses on the distances of a labelled batch: by hand, and what they ask of a miner."""

import numpy as np
import pytest

from keras_metric import losses
from tests.keras_metric.losses.cases import public_losses

X = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
LABELS = np.array([0, 0, 1, 1])


def test_lifted_by_hand():
    # Distances of rows: 0: 3, 7; 1: 2, 6 | 3: 3, 2; 7: 7, 6. Both pairs see all four.
    total = np.log(np.exp(1 - np.array([3.0, 7.0, 2.0, 6.0])).sum())
    expected = (max(0, total + 1) ** 2 + max(0, total + 4) ** 2) / 2 / 2
    np.testing.assert_allclose(float(losses.LiftedStructLoss()(LABELS, X)), expected, rtol=1e-5)


def test_neighbours_by_hand():
    d = np.abs(X - X[:, 0])
    e = np.exp(-d)
    partner = [1, 0, 3, 2]
    terms = [-np.log(e[i, partner[i]] / (e[i].sum() - 1)) for i in range(4)]
    for loss in (losses.NCALoss(distance="L2"), losses.SoftNearestNeighborLoss(distance="L2")):
        np.testing.assert_allclose(float(loss(LABELS, X)), np.mean(terms), rtol=1e-5)
    # With one positive an anchor, cross-entropy by pair and by anchor are the same.
    for cls in (losses.NTXentLoss, losses.SupConLoss):
        got = float(cls(temperature=1.0, distance="L2")(LABELS, X))
        np.testing.assert_allclose(got, np.mean(terms), rtol=1e-5)


def test_contrastive_pairs_by_hand():
    # Positives 1, 1, 4, 4 and negatives 3, 2, 7, 6, each twice; 4 - 3 and 4 - 2.
    got = float(losses.ContrastivePairsLoss(pos_margin=0.5, neg_margin=4.0)(LABELS, X))
    np.testing.assert_allclose(got, (0.5 + 3.5) / 2 + (1.0 + 2.0) / 2, rtol=1e-6)


@pytest.mark.parametrize("cls", [losses.NTXentLoss, losses.SupConLoss])
def test_a_temperature_of_zero_is_refused(cls):
    with pytest.raises(ValueError, match=r"temperature must be greater than 0.*temperature=0"):
        cls(temperature=0)


@pytest.mark.parametrize(
    "cls", public_losses(losses._pair_loss.MinedLoss), ids=lambda cls: cls.__name__
)
def test_the_miner_is_documented_and_checked(cls):
    assert "`miner` (name or `Miner`" in cls.__doc__
    assert cls(miner="batch_hard").miner is not None
    with pytest.raises(ValueError, match=r"Did you mean 'batch_hard'.*Received: miner='batch-ha"):
        cls(miner="batch-hard")
