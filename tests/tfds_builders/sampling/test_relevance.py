"""Labels that are more than a class: who goes with whom is a function's to say."""

import numpy as np
import pytest

from tfds_builders import streams
from tfds_builders.sampling import (
    LabelIndex,
    PairSampler,
    SimilarClasses,
    TripletSampler,
    label_patterns,
    shares_a_label,
)


def within_two(anchors, others):
    """A relation of class numbers that is not an equivalence."""
    return np.abs(anchors.astype(int) - others.astype(int)) <= 2


def later(anchors, others):
    """Neither symmetric nor reflexive."""
    return anchors < others


def multi_hot(seed, examples=60, labels=6, share=0.25):
    return (np.random.default_rng(seed).random((examples, labels)) < share).astype(np.int8)


CASES = {
    "classes near each other": (np.random.default_rng(0).integers(0, 9, 50) * 7 // 3, within_two),
    "one way": (np.random.default_rng(1).integers(0, 6, 40), later),
    "equality": (np.random.default_rng(2).integers(0, 5, 30), lambda a, b: a == b),
    "multi-hot": (multi_hot(3), shares_a_label),
    "multi-hot, mostly empty": (multi_hot(4, share=0.05), shares_a_label),
    "multi-hot, two in common": (
        multi_hot(5, share=0.5),
        lambda a, b: np.logical_and(a, b).sum(axis=1) >= 2,
    ),
}
every_case = pytest.mark.parametrize(("labels", "relevance"), CASES.values(), ids=CASES)


def matrix(labels, relevance):
    """Who is relevant to whom, an example with itself left out, by a plain loop."""
    found = np.zeros((len(labels), len(labels)), bool)
    for anchor in range(len(labels)):
        for other in range(len(labels)):
            if anchor != other:
                found[anchor, other] = relevance(labels[[anchor]], labels[[other]])[0]
    return found


@every_case
def test_pairs_are_relevant_as_they_say(labels, relevance):
    relevant = matrix(labels, relevance)
    sampler = PairSampler(labels, relevance=relevance, seed=3)
    pairs = sampler.take(0, 20 * len(labels))
    assert (pairs[:, 0] != pairs[:, 1]).all()
    positive = relevant[pairs[:, 0], pairs[:, 1]]
    np.testing.assert_array_equal(sampler.is_positive(pairs), positive)
    has_both = relevant.any(axis=1) & (relevant.sum(axis=1) < len(labels) - 1)
    either = np.bincount(pairs[positive, 0], minlength=len(labels)) > 0
    np.testing.assert_array_equal(either[has_both], True)
    assert not either[~relevant.any(axis=1)].any()


@every_case
def test_triplets_draw_uniformly_from_all_that_qualify(labels, relevance):
    relevant = matrix(labels, relevance)
    irrelevant = ~relevant & ~np.eye(len(labels), dtype=bool)
    sampler = TripletSampler(labels, relevance=relevance, seed=1)
    anchors, positives, negatives = sampler.take(0, 400 * len(sampler)).T
    able = np.flatnonzero(relevant.any(axis=1) & irrelevant.any(axis=1))
    np.testing.assert_array_equal(np.unique(anchors), able)
    assert len(sampler) == len(able)
    for drawn, allowed in ((positives, relevant), (negatives, irrelevant)):
        assert allowed[anchors, drawn].all()
        for anchor in able[:5]:
            counts = np.bincount(drawn[anchors == anchor], minlength=len(labels))
            expected = 400 / allowed[anchor].sum()
            counts = counts[allowed[anchor]]
            limit = len(counts) - 1 + 5 * np.sqrt(2 * max(len(counts) - 1, 1))
            assert ((counts - expected) ** 2 / expected).sum() <= limit


def test_equality_is_what_labels_mean_without_a_function():
    labels = np.random.default_rng(0).integers(0, 4, 40)
    pairs = PairSampler(labels, seed=5).take(0, 400)
    related = PairSampler(labels, relevance=lambda a, b: a == b, seed=5)
    np.testing.assert_array_equal(
        related.is_positive(pairs), labels[pairs[:, 0]] == labels[pairs[:, 1]]
    )


def test_a_stream_of_multi_label_images():
    rows = multi_hot(7)
    numbers, patterns = label_patterns(rows)
    images = np.arange(len(rows), dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    stream = streams.pairs(
        (images, numbers),
        20,
        relevance=lambda a, b: shares_a_label(patterns[a], patterns[b]),
        seed=1,
    )
    seen = []
    for (a, b), same in stream:
        first, second = a[:, 0, 0, 0], b[:, 0, 0, 0]
        np.testing.assert_array_equal(same, shares_a_label(rows[first], rows[second]))
        seen.extend(same)
    assert 0 < np.mean(seen) < 1


def test_many_patterns_take_little_memory():
    numbers = np.random.default_rng(0).integers(0, 3000, 20_000)
    sampler = TripletSampler(numbers, relevance=lambda a, b: a // 3 == b // 3)
    anchors, positives, negatives = numbers[sampler.take(0, 5000).T] // 3
    assert (anchors == positives).all()
    assert (anchors != negatives).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": [0, 1, 0, 1]}, "`relevance` decides alone"),
        ({"class_frequency": "uniform"}, "class_frequency='uniform'"),
        ({"negatives": SimilarClasses(np.ones((2, 2)))}, "negatives=<"),
        ({"relevance": lambda a, b: 1.0 * (a == b)}, "must return a boolean .* float64"),
        ({"relevance": lambda a, b: True}, r"must return a boolean .* shape \(\)"),
        ({"relevance": lambda a, b: a != a}, "holds for none of 4"),
        ({"relevance": lambda a, b: a == a, "positive_fraction": 0.5}, "holds for all of 4"),
    ],
)
def test_what_does_not_fit_is_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        PairSampler(
            [0, 0, 1, 1],
            **{"relevance": lambda a, b: a == b, "positive_fraction": 1.0, **arguments},
        )


@pytest.mark.parametrize("sampler", [PairSampler, TripletSampler])
def test_multi_hot_labels_need_a_function(sampler):
    with pytest.raises(ValueError, match=r"shape \(examples,\)"):
        sampler(multi_hot(0))


def test_patterns_number_distinct_rows():
    rows = multi_hot(0)
    numbers, patterns = label_patterns(rows)
    np.testing.assert_array_equal(patterns[numbers], rows)
    assert len(LabelIndex(numbers).classes) == len(patterns) == len({tuple(r) for r in rows})
    with pytest.raises(ValueError, match=r"rows of shape \(3,\)"):
        label_patterns([1, 2, 3])
