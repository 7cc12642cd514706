"""Ranks of relevant scores are those of a sort of all, the irrelevant first among equals."""

import numpy as np
import pytest

from keras_metric.retrieval.measures import _ranks


def sorted_ranks(relevant, irrelevant, depth):
    everything = [(score, 0) for score in irrelevant] + [(score, 1) for score in relevant]
    ranks = [rank for rank, (_, is_relevant) in enumerate(sorted(everything), 1) if is_relevant]
    return [rank for rank in ranks if rank <= depth]


def scores(rng, case, num_relevant, num_others):
    relevant, others = rng.normal(size=num_relevant), rng.normal(size=num_others)
    if case == "all nearer":
        relevant -= 10
    if case == "all farther":
        relevant += 10
    if case == "long tail":
        relevant = np.where(rng.random(num_relevant) < 0.9, relevant - 10, relevant)
    if case == "ties":
        relevant, others = np.round(relevant), np.round(others)
    if case == "all equal":
        relevant, others = 0 * relevant, 0 * others
    return np.sort(relevant).astype("float32"), others.astype("float32")


@pytest.mark.parametrize(
    "case", ["mixed", "all nearer", "all farther", "long tail", "ties", "all equal"]
)
@pytest.mark.parametrize("num_relevant", [1, 2, 15, 16, 17, 400])
def test_ranks_are_those_of_a_sort(case, num_relevant):
    rng = np.random.default_rng(num_relevant)
    for num_others in (0, 1, 30, 900):
        relevant, others = scores(rng, case, num_relevant, num_others)
        row = np.concatenate([others[:10], relevant, others[10:], [np.float32(np.inf)]])
        for depth in (1, 2, 7, num_relevant, num_relevant + 100, 2000):
            found = _ranks.ranks_within(relevant, row, [others[:10], others[10:]], depth)
            assert found.tolist() == sorted_ranks(relevant, others, depth)
        first = sorted_ranks(relevant, others, 10**6)[0]
        assert _ranks.first_rank(relevant, row) == first


def test_the_search_counts_few_times(monkeypatch):
    counted = []
    original = _ranks._num_ahead
    monkeypatch.setattr(
        _ranks, "_num_ahead", lambda *args: counted.append(original(*args)) or counted[-1]
    )
    rng = np.random.default_rng(0)
    for case in ("all nearer", "mixed", "long tail"):
        relevant, others = scores(rng, case, 6000, 54_000)
        row = np.concatenate([relevant, others])
        counted.clear()
        _ranks.ranks_within(relevant, row, [others], 6000)
        assert len(counted) <= 6  # halving to the end would take 13
