"""Ranks among the few nearest of long rows, for a whole block of queries at once.

A row is cut into runs, and the least score of each run is taken. As many runs as ranks are
wanted have their least at or below a bound, so everything beyond it is too far to matter; and
only the runs that reach down to it need to be looked at again, a few out of hundreds.
"""

import math

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval.measures._ranks import Ranks

_RUNS_FOR_RANK = 4  # with fewer runs than this for each rank, most would be looked at twice


def is_worth_it(depth: int, size: int) -> bool:
    """Whether `depth` ranks of a row of that size are found faster this way."""
    return 0 < _RUNS_FOR_RANK * depth <= size // math.isqrt(max(size, 1))


def nearest_ranks(scores: FloatArray, starts: IdArray, ends: IdArray, depth: int) -> list[Ranks]:
    """For each row, the ranks from 1 to `depth` of the relevant columns among its nearest.

    Ties go to the irrelevant, as in `ranks_within`; scores of infinity take no part.

    Args:
        scores: `(queries, gallery)`, smaller is nearer.
        starts: Where the relevant columns of each row start.
        ends: Where they end.
        depth: Ranks beyond it are left out; `is_worth_it` for this gallery.
    """
    rows, columns, values = _candidates(scores, depth)
    is_relevant = (starts[rows] <= columns) & (columns < ends[rows])
    order = np.lexsort((is_relevant, values, rows))
    rows, is_relevant = rows[order], is_relevant[order]
    begins = np.searchsorted(rows, np.arange(len(scores) + 1))
    ranks = np.arange(1, len(rows) + 1) - begins[rows]
    is_found = is_relevant & (ranks <= depth)
    edges = np.searchsorted(rows[is_found], np.arange(1, len(scores)))
    return np.split(ranks[is_found], edges)


def _candidates(
    scores: FloatArray, depth: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Rows, columns and scores of all that may be among the `depth` nearest of their row."""
    size = scores.shape[1]
    length = math.isqrt(size)
    least = np.minimum.reduceat(scores, np.arange(0, size, length), axis=1)
    bound = np.partition(least, depth - 1, axis=1)[:, depth - 1]
    rows, runs = np.nonzero(least <= bound[:, None])
    columns = runs[:, None] * length + np.arange(length)
    values = scores[rows[:, None], np.minimum(columns, size - 1)]
    is_near = (values <= bound[rows, None]) & (values < np.inf) & (columns < size)
    return np.repeat(rows, is_near.sum(axis=1)), columns[is_near], values[is_near]
