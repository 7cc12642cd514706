"""Terms of smooth ranks: the grid and the walk, against plain sums in float64."""

import numpy as np
import pytest
from keras import ops

from keras_metric import losses
from keras_metric.losses import _ranks
from tests.backends import slow_on_jax, to_numpy, value_and_gradient
from tests.oracles import losses as oracle

WAYS = {"walk": 10**6, "grid": -1}


def counts_of(similarities, is_positive, mask, temperature):
    """Count of each positive, and its sum's derivative by each similarity."""
    rows, size = similarities.shape
    sums, slopes = np.zeros(rows), np.zeros((rows, size))
    for row in range(rows):
        for i in np.flatnonzero(is_positive[row]):
            for j in np.flatnonzero(mask[row]):
                if j != i:
                    apart = (similarities[row, j] - similarities[row, i]) / temperature
                    one = 1 / (1 + np.exp(-apart))
                    sums[row] += one
                    slopes[row, j] += one * (1 - one) / temperature
                    slopes[row, i] -= one * (1 - one) / temperature
    return sums, slopes


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rows", [3, 70])  # more than are done at a time
def test_counts_and_slopes_are_the_plain_sums(monkeypatch, way, rows):
    monkeypatch.setattr(_ranks, "_MOST_TO_WALK", WAYS[way])
    rng = np.random.default_rng(0)
    similarities = rng.uniform(-1, 1, (rows, 40)).astype("float32")
    similarities[:, 1] = similarities[:, 0]
    similarities[0, 2:4] = -1.0, 1.0  # the ends of the grid
    kinds = rng.integers(0, 3, (rows, 40))
    masks = [ops.convert_to_tensor(kinds == kind) for kind in (0, 1)]

    def weighted(x):
        sums = _ranks.sum_over_positives(
            x, masks[0], masks, 0.01, lambda a, b: (a + 3.0 * b, [ops.ones_like(a), 3.0 + 0 * b])
        )
        return ops.sum(sums)

    value, gradient = value_and_gradient(weighted, similarities)
    own, others = (
        counts_of(similarities.astype(float), kinds == 0, kinds == kind, 0.01) for kind in (0, 1)
    )
    np.testing.assert_allclose(value, (own[0] + 3 * others[0]).sum(), rtol=1e-5)
    expected = own[1] + 3 * others[1]
    # The slope of one comparison is interpolated to 3e-5 of the steepest.
    tolerance = {"walk": 1e-5, "grid": 3e-5}[way]
    np.testing.assert_allclose(gradient, expected, atol=tolerance * np.abs(expected).max())


@slow_on_jax
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("cls", "expected", "arguments"),
    [
        (losses.SmoothAPLoss, oracle.smooth_ap, {}),
        (losses.SmoothAPLoss, oracle.smooth_ap, {"temperature": 0.1}),
        (losses.SmoothAPLoss, oracle.smooth_ap, {"temperature": 0.004}),  # too long for the grid
        (losses.PNPLoss, oracle.pnp, {"variant": "Iu"}),
    ],
)
def test_losses_are_the_plain_loop_either_way(monkeypatch, way, cls, expected, arguments):
    monkeypatch.setattr(_ranks, "_MOST_TO_WALK", WAYS[way])
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 30)
    x = (np.eye(2, 6)[labels] + 0.8 * rng.normal(size=(30, 6))).astype("float32")
    value = float(cls(**arguments)(labels, x))
    np.testing.assert_allclose(value, expected(labels, x.astype(float), **arguments), rtol=2e-5)


def test_the_grid_is_not_chosen_where_it_is_too_short(monkeypatch):
    monkeypatch.setattr(_ranks, "_MOST_TO_WALK", -1)
    similarities = ops.convert_to_tensor(np.array([[0.0, 100.0, 7.0]], "float32"))
    mask = ops.ones((1, 3), dtype="bool")
    found = _ranks.sum_over_positives(
        similarities, mask, (mask,), 0.01, lambda count: (count, [ops.ones_like(count)])
    )
    np.testing.assert_allclose(to_numpy(found), [3.0])  # 2 before the first, 1 before the last
