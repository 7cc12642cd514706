import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from keras_metric.metrics import best_threshold, equal_error_rate, roc_curve


def pairs(seed):
    rng = np.random.default_rng(seed)
    same = rng.integers(0, 2, size=300)
    return same, np.round(rng.normal(1.5 - same, 0.7), 1)  # rounded: with ties


@pytest.mark.parametrize("seed", range(3))
def test_roc_is_scikit_learns(seed):
    same, distances = pairs(seed)
    far, tar, thresholds = roc_curve(same, distances)
    expected = sklearn_metrics.roc_curve(same, -distances, drop_intermediate=False)
    np.testing.assert_allclose(far, expected[0])
    np.testing.assert_allclose(tar, expected[1])
    np.testing.assert_allclose(thresholds, -expected[2])


@pytest.mark.parametrize("seed", range(3))
def test_best_threshold_separates_as_it_says_and_none_does_better(seed):
    same, distances = pairs(seed)
    threshold, accuracy = best_threshold(same, distances)
    tried = {
        t: sklearn_metrics.balanced_accuracy_score(same, distances <= t)
        for t in [threshold, *np.unique(distances)]
    }
    np.testing.assert_allclose(tried[threshold], accuracy)
    np.testing.assert_allclose(max(tried.values()), accuracy)


def test_best_threshold_between_neighbouring_floats():
    nearer = np.nextafter(1.0, 0.0)
    threshold, accuracy = best_threshold([1, 0], [nearer, 1.0])
    assert nearer <= threshold < 1.0
    assert accuracy == 1.0


def test_equal_error_rate_by_hand():
    # At 0.5 two of three same pairs are accepted and one of three different ones: 1/3 each.
    assert equal_error_rate([1, 1, 0, 1, 0, 0], [0.1, 0.2, 0.5, 0.6, 0.7, 0.8]) == pytest.approx(
        1 / 3
    )
    assert equal_error_rate([1, 1, 0, 0], [0.1, 0.2, 0.5, 0.6]) == 0.0


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"shape \(pairs,\).*\(2,\) and \(3,\)"):
        roc_curve([0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match=r"finite"):
        equal_error_rate([0, 1], [0.1, np.nan])
    with pytest.raises(ValueError, match=r"0 and 1 only"):
        roc_curve([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"Received: 2 of 2 pairs the same"):
        best_threshold([1, 1], [0.1, 0.2])
