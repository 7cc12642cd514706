import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from keras_metric.metrics import (
    best_threshold,
    cross_validated_accuracy,
    det_curve,
    equal_error_rate,
    roc_curve,
    true_accept_rate,
)


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


def test_det_is_scikit_learns():
    for seed in range(20):
        same, distances = pairs(seed)
        far, frr, thresholds = det_curve(same, distances)
        expected = [values[::-1] for values in sklearn_metrics.det_curve(same, -distances)]
        np.testing.assert_allclose(far, expected[0])
        np.testing.assert_allclose(frr, expected[1], atol=1e-12)
        np.testing.assert_allclose(thresholds, -expected[2])


def test_det_of_separated_pairs_starts_and_ends_at_no_error():
    far, frr, thresholds = det_curve([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4])
    assert (far.tolist(), frr.tolist(), thresholds.tolist()) == ([0], [0], [0.2])


@pytest.mark.parametrize("function", [roc_curve, det_curve])
def test_curves_of_scores_are_those_of_distances_turned_round(function):
    same, distances = pairs(0)
    *rates, thresholds = function(same, -distances, higher_is_similar=True)
    *expected, nearest = function(same, distances)
    np.testing.assert_array_equal(rates, expected)
    np.testing.assert_array_equal(thresholds, -nearest)


def test_points_of_scores_are_those_of_distances_turned_round():
    same, distances = pairs(0)
    turned = {"higher_is_similar": True}
    threshold, accuracy = best_threshold(same, -distances, **turned)
    assert (-threshold, accuracy) == best_threshold(same, distances)
    rate, threshold = true_accept_rate(same, -distances, 0.1, **turned)
    assert (rate, -threshold) == true_accept_rate(same, distances, 0.1)
    assert equal_error_rate(same, -distances, **turned) == equal_error_rate(same, distances)
    by_fold = cross_validated_accuracy(same, -distances, **turned)
    np.testing.assert_array_equal(
        -by_fold.thresholds, cross_validated_accuracy(same, distances).thresholds
    )


@pytest.mark.parametrize("at_far", [0.0, 0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_true_accept_rate_is_the_most_that_any_threshold_reaches(seed, at_far):
    same, distances = pairs(seed)
    allowed = [-np.inf] + [
        t for t in np.unique(distances) if np.mean(distances[same == 0] <= t) <= at_far
    ]
    expected = np.mean(distances[same == 1] <= allowed[-1])
    assert true_accept_rate(same, distances, at_far) == (pytest.approx(expected), allowed[-1])


def test_accuracy_that_is_not_balanced_is_of_all_pairs():
    # Nine pairs in ten are different: refusing all of them is right for these.
    same, distances = [1] + [0] * 9, [0.3] + [0.1] * 2 + [0.5] * 7
    assert best_threshold(same, distances, balanced=False)[1] == pytest.approx(0.9)
    assert best_threshold(same, distances)[1] == pytest.approx((1 + 7 / 9) / 2)


@pytest.mark.parametrize("folds", [10, np.random.default_rng(9).integers(0, 5, 300)])
def test_thresholds_of_folds_are_those_of_the_others(folds):
    same, distances = pairs(4)
    found = cross_validated_accuracy(same, distances, folds)
    number = np.repeat(range(10), 30) if isinstance(folds, int) else folds
    accuracies = []
    for fold in range(number.max() + 1):
        others, own = number != fold, number == fold
        right = {t: np.mean((distances <= t) == same, where=others) for t in np.unique(distances)}
        chosen = found.thresholds[fold]
        at_chosen = np.mean((distances <= chosen) == same, where=others)
        assert at_chosen == pytest.approx(max(right.values()))
        accuracies.append(np.mean((distances <= chosen) == same, where=own))
    np.testing.assert_allclose(found.accuracies, accuracies)
    assert found.mean == pytest.approx(np.mean(accuracies))
    spread = sum((a - np.mean(accuracies)) ** 2 for a in accuracies) / (len(accuracies) - 1)
    assert found.standard_error == pytest.approx((spread / len(accuracies)) ** 0.5)


def test_a_fold_has_no_say_in_its_own_threshold():
    # The second fold's pairs are all beyond the threshold that the first one's set, and back.
    same, distances = [1, 0, 1, 0], [0.1, 0.2, 0.8, 0.9]
    assert best_threshold(same, distances)[1] == 0.75
    assert cross_validated_accuracy(same, distances, 2).accuracies.tolist() == [0.5, 0.5]


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
    with pytest.raises(ValueError, match=r"Received: 0 of 2 pairs the same"):
        det_curve([0, 0], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"at least one pair.*\(0,\)"):
        roc_curve([], [])
    with pytest.raises(ValueError, match=r"at_far must be from 0 to 1. Received: at_far=2"):
        true_accept_rate([0, 1], [0.1, 0.2], at_far=2)
    with pytest.raises(ValueError, match=r"integer from 2 to 4.*folds=5"):
        cross_validated_accuracy([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], folds=5)
    with pytest.raises(ValueError, match=r"Received: shape \(4,\) with 1"):
        cross_validated_accuracy([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], folds=[3, 3, 3, 3])
    with pytest.raises(ValueError, match=r"shape \(4,\).*Received: shape \(2,\)"):
        cross_validated_accuracy([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], folds=[0, 1])
