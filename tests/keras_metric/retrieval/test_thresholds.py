"""Calibration, matching and open sets, against counts by hand."""

import numpy as np
import pytest

from keras_metric.retrieval import Indexer, thresholds

# Rows 0 "a", 10 "b". Queries, their nearest and distance: 1 -> a 1 (right), 2 -> a 2 (wrong,
# is b), 13 -> b 3 (right), 16 -> b 6 (unknown class c), 3 -> a 3 (right).
QUERIES = [[1.0], [2.0], [13.0], [16.0], [3.0]]
LABELS = ["a", "b", "b", "c", "a"]


@pytest.fixture
def index():
    index = Indexer(1, "euclidean")
    index.batch_add([[0.0], [10.0]], ["a", "b"])
    return index


def calibrate(index, targets=None, metric="f1", **options):
    return index.calibrate(QUERIES, LABELS, targets, metric, verbose=0, **options)


def test_hand_computed_curve(index):
    curve = calibrate(index, extra_metrics=["precision", "recall", "fpr", "fnr"]).thresholds
    assert curve["distance"].tolist() == [1, 2, 3, 6]
    # Accepted right: 1, 1, 3, 3; accepted wrong: 0, 1, 1, 2; known queries: 4; wrong ones: 2.
    np.testing.assert_allclose(curve["precision"], [1, 1 / 2, 3 / 4, 3 / 5])
    np.testing.assert_allclose(curve["recall"], [1 / 4, 1 / 4, 3 / 4, 3 / 4])
    np.testing.assert_allclose(curve["fpr"], [0, 1 / 2, 1 / 2, 1])
    np.testing.assert_allclose(curve["fnr"], [3 / 4, 3 / 4, 1 / 4, 1 / 4])
    p, r = curve["precision"], curve["recall"]
    np.testing.assert_allclose(curve["f1"], 2 * p * r / (p + r))


def test_targets_test_the_metric_they_name(index):
    points = calibrate(
        index, {"precision": 0.7, "recall": 0.75, "sure": ("fpr", 0.0), "plain": 0.3}
    ).cutpoints
    assert points["optimal"]["distance"] == 3.0  # f1 = 3/4
    assert points["precision"]["distance"] == 3.0  # the loosest with precision >= 0.7
    assert points["recall"]["distance"] == 3.0  # the tightest with recall >= 0.75
    assert points["sure"]["distance"] == 1.0
    assert points["plain"]["distance"] == 6.0  # the loosest with f1 >= 0.3
    assert points["sure"]["value"] == 0.0
    assert points["precision"]["value"] == 0.75


def test_an_unreachable_target_says_what_could_be(index):
    with pytest.raises(ValueError, match=r"reaches recall 0\.9: the best is 0\.75, at distance 6"):
        calibrate(index, {"recall": 0.9})
    assert not index.is_calibrated
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibrate(index, {"recall": 90})
    with pytest.raises(ValueError, match="must be one of precision, recall"):
        calibrate(index, {"x": ("sharpness", 0.5)})


def test_match_gives_labels_or_no_match(index):
    with pytest.raises(ValueError, match="Call calibrate before match"):
        index.match(QUERIES)
    calibrate(index, {"sure": ("fpr", 0.0)})
    matches = index.match(QUERIES, no_match_label=None, verbose=0)
    assert matches["optimal"] == ["a", "a", "b", None, "a"]
    assert matches["sure"] == ["a", None, None, None, None]


def test_match_works_on_integers(index):
    whole = Indexer(1, "euclidean")
    whole.batch_add([[0.0], [10.0]], np.array([3, 4], "uint8"))
    whole.calibrate([[1.0], [12.0]], [3, 4], verbose=0)
    assert whole.match([[0.5], [90.0]], verbose=0) == {"optimal": [3, -1]}


def test_thresholds_last(index, tmp_path):
    calibrate(index, {"sure": ("fpr", 0.0)})
    index.save(tmp_path / "index")
    again = Indexer.load(tmp_path / "index")
    assert again.is_calibrated
    assert again.cutpoints == index.cutpoints
    assert again.match(QUERIES, verbose=0) == index.match(QUERIES, verbose=0)
    assert again.get_calibration_metric().name == "f1"
    np.testing.assert_array_equal(
        again.calibration_thresholds["f1"], index.calibration_thresholds["f1"]
    )


def test_given_thresholds_keep_their_order(index):
    found = index.evaluate_classification(
        QUERIES, LABELS, [6.0, 1.0, 3.0], ["precision", "recall"], verbose=0
    )
    assert found["distance"].tolist() == [6, 1, 3]
    np.testing.assert_allclose(found["precision"], [3 / 5, 1, 3 / 4])
    with pytest.raises(ValueError, match="flat list of numbers"):
        index.evaluate_classification(QUERIES, LABELS, [np.nan])


def test_metrics_and_matchers_of_tensorflow_similarity(index):
    from tensorflow_similarity.classification_metrics import BinaryAccuracy
    from tensorflow_similarity.matchers import MatchNearest

    found = index.evaluate_classification(
        QUERIES, LABELS, [3.0], [BinaryAccuracy()], matcher=MatchNearest(), verbose=0
    )
    # Its definition is the right accepted ones of all: 3 of 5.
    assert found[BinaryAccuracy().name] == pytest.approx([3 / 5])
    points = calibrate(index, metric=BinaryAccuracy()).cutpoints
    assert points["optimal"]["distance"] == 6.0  # the last of the best


def test_the_majority_votes_and_the_nearest_breaks_ties():
    index = Indexer(1, "euclidean")
    index.batch_add([[0.0], [1.0], [2.0], [3.0]], ["x", "y", "y", "x"])
    found = index.evaluate_classification(
        [[0.0]], ["y"], [9.0], ["precision"], "match_majority_vote", k=3, verbose=0
    )
    assert found["precision"].tolist() == [1.0]  # x, y, y
    found = index.evaluate_classification(
        [[0.0]], ["x"], [9.0], ["precision"], "match_majority_vote", k=4, verbose=0
    )
    assert found["precision"].tolist() == [1.0]  # x, y, y, x: the nearest is x
    with pytest.raises(ValueError, match="`matcher` must be one of"):
        index.evaluate_classification([[0.0]], ["x"], [1.0], matcher="best")


def test_open_set_keeps_known_and_unknown_apart(index):
    calibrate(index)
    found = index.evaluate_open_set(QUERIES, LABELS)
    assert found == {
        "known_accuracy": 3 / 4, "known_confused": 1 / 4, "known_refused": 0.0,
        "unknown_refused": 1.0, "unknown_accepted": 0.0, "num_known": 4, "num_unknown": 1,
    }  # fmt: skip
    assert index.evaluate_open_set(QUERIES, LABELS, 6.0)["unknown_accepted"] == 1.0
    assert np.isnan(index.evaluate_open_set([[0.0]], ["a"], 1.0)["unknown_refused"])
    with pytest.raises(ValueError, match="must be a distance or one of"):
        index.evaluate_open_set(QUERIES, LABELS, "sure")


def test_counts_equal_a_plain_loop():
    rng = np.random.default_rng(0)
    distances = rng.integers(0, 20, 200).astype("float32")
    outcomes = thresholds.Outcomes(distances, rng.random(200) < 0.6, rng.random(200) < 0.9)
    limits = thresholds.candidates(outcomes)
    counts = thresholds.count(outcomes, limits)
    for i, limit in enumerate(limits):
        right = [d <= limit for d, ok in zip(distances, outcomes.is_right, strict=True) if ok]
        wrong = [d <= limit for d, ok in zip(distances, outcomes.is_right, strict=True) if not ok]
        assert counts.accepted_right[i] == sum(right)
        assert counts.refused_wrong[i] == len(wrong) - sum(wrong)


def test_targets_of_another_length_are_named(index):
    with pytest.raises(ValueError, match="`target_labels` must be as many"):
        index.calibrate(QUERIES, ["a"], verbose=0)


def test_calibrating_many_queries_stays_small():
    import tracemalloc

    rng = np.random.default_rng(0)
    index = Indexer(2, "euclidean")
    index.batch_add(rng.normal(size=(50, 2)), rng.integers(0, 3, 50))
    queries, labels = rng.normal(size=(100_000, 2)).astype("float32"), rng.integers(0, 3, 100_000)
    tracemalloc.start()
    index.calibrate(queries, labels, verbose=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**28
