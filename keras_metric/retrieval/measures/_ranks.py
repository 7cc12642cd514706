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


def ranks_within(relevant: FloatArray, others: list[FloatArray], depth: int) -> Ranks:
    """Ranks, from 1, of the relevant ones that are among the `depth` nearest.

    Ties go to the irrelevant: among equal scores every irrelevant one comes first. The
    result then depends on no order of the gallery, and a network that maps everything to
    one point gets 0, not 1.

    Args:
        relevant: Scores of the relevant ones, sorted, nearest first.
        others: Scores of the irrelevant ones, in any order, in one or more pieces.
        depth: Ranks beyond it are left out.
    """
    end = _end_of_search(relevant[:depth], others, depth)
    if not end:
        return np.empty(0, np.int64)
    relevant = relevant[:end]
    near = np.concatenate([piece[piece <= relevant[-1]] for piece in others])
    near.sort()  # neighbouring keys make the search several times faster
    passed = np.bincount(np.searchsorted(relevant, near, side="left"), minlength=end)
    ranks = (passed + 1).cumsum()  # a relevant one adds 1, and so does each that it passes
    return ranks[: np.searchsorted(ranks, depth, side="right")]


def first_rank(relevant: FloatArray, others: list[FloatArray]) -> int:
    """Rank, from 1, of the nearest relevant one."""
    return 1 + _count(others, relevant[0])


def _end_of_search(relevant: FloatArray, others: list[FloatArray], depth: int) -> int:
    """A number of relevant ones beyond which none is within `depth`.

    The search for it ends early where the irrelevant ones up to there are few: sorting
    some too many costs less than one more count.
    """
    low, high = 0, len(relevant)  # all below `low` are within, all from `high` on are beyond
    enough, slack = depth + depth // 8, depth // 64
    middle = high - 1 if high <= 16 else high * 7 // 8
    while high - low > slack:
        ahead = _count(others, relevant[middle])
        if middle + 1 + ahead <= depth:
            low, high = middle + 1, min(high, depth - ahead)
            middle = high - 1
        elif middle + 1 == high and high + ahead <= enough:
            break
        else:
            high = middle
            middle = (low + high) // 2
    return high


def _count(pieces: list[FloatArray], limit: np.floating[Any]) -> int:
    return sum(int(np.count_nonzero(piece <= limit)) for piece in pieces)
