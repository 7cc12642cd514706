"""The ranks of what is relevant, without sorting what is not.

With the relevant scores sorted, the i-th of them (from 1) has rank `i + n`, where `n`
counts the irrelevant ones that are as near or nearer. Only the irrelevant ones up to the
last relevant score that matters are ever touched: counting and cutting them out are plain
passes over the row, several times cheaper than selecting or sorting it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import FloatArray

Ranks = NDArray[np.integer[Any]]


def ranks_within(
    relevant: FloatArray, row: FloatArray, others: list[FloatArray], depth: int
) -> Ranks:
    """Ranks, from 1, of the relevant ones that are among the `depth` nearest.

    Ties go to the irrelevant: among equal scores every irrelevant one comes first. The
    result then depends on no order of the gallery, and a network that maps everything to
    one point gets 0, not 1.

    Args:
        relevant: Scores of the relevant ones, sorted, nearest first.
        row: Scores of all.
        others: Scores of the irrelevant ones, in any order, in one or more pieces.
        depth: Ranks beyond it are left out.
    """
    end = _end_of_search(relevant, row, depth)
    if not end:
        return np.empty(0, np.int64)
    relevant = relevant[:end]
    near = np.concatenate([piece[np.flatnonzero(piece <= relevant[-1])] for piece in others])
    near.sort()  # neighbouring keys make the search several times faster
    passed = np.bincount(np.searchsorted(relevant, near, side="left"), minlength=end)
    ranks = (passed + 1).cumsum()  # a relevant one adds 1, and so does each that it passes
    return ranks[: np.searchsorted(ranks, depth, side="right")]


def first_rank(relevant: FloatArray, row: FloatArray) -> int:
    """Rank, from 1, of the nearest relevant one."""
    return 1 + _num_ahead(relevant, row, 0)


def _end_of_search(relevant: FloatArray, row: FloatArray, depth: int) -> int:
    """A number of relevant ones beyond which none is within `depth`.

    The search for it ends early where the irrelevant ones up to there are few: sorting
    some too many costs less than one more count.
    """
    # All below `low` are within, all from `high` on are beyond.
    low, high = 0, min(len(relevant), depth)
    enough, slack = depth + depth // 8, depth // 64
    middle = high - max(1, high // 8)
    while high - low > slack:
        ahead = _num_ahead(relevant, row, middle)
        if middle + 1 + ahead <= depth:
            low, high = middle + 1, min(high, depth - ahead)
            middle = high - max(1, (high - low) // 8)
        elif middle + 1 + ahead <= enough:
            return middle + 1
        else:
            high = middle
            middle = (low + high) // 2
    return high


def _num_ahead(relevant: FloatArray, row: FloatArray, place: int) -> int:
    """Irrelevant ones that are as near as one of the relevant, or nearer."""
    limit = relevant[place]
    return int(np.count_nonzero(row <= limit) - relevant.searchsorted(limit, side="right"))
