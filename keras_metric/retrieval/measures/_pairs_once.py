"""Leave-one-out measures of small classes, from half of the query x gallery matrix.

Where the queries are the gallery, the score of a pair serves both of its rows, so only the part
of the matrix right of the diagonal is computed. And where few rows are relevant to a query, the
measures need few of the irrelevant ones: no more than the `depth` nearest, and none that is
farther than the farthest relevant row. Those are picked out of each strip of the matrix by
comparing it with a bound for each row, which falls as nearer ones are found, and multiplied once
more: the strips may be rounded, and the values do not depend on how they were made.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval._threads import made_ahead
from keras_metric.retrieval.measures._formulas import Measure, RankedQuery
from keras_metric.retrieval.measures._products import (
    Products,
    products_of_pairs,
    quickest_products,
    slack_of_sums,
)

_MOST_NEEDED = 64  # irrelevant rows kept for each query
_STRIP_BYTES = 64 * 2**20
_ROWS = 4096  # handled at once
_TILE = 2**20  # entries compared at once: they stay in the processor's cache
_PENDING = 2**20
_SAMPLE = 2**13

_Near = tuple[IdArray, IdArray, FloatArray]


def depth_of(
    measures: Sequence[Measure], sizes: IdArray, distance: str, dtype: Any
) -> NDArray[np.int64] | None:
    """How deep the measures look for each query, or None where this module is of no use.

    Args:
        measures: What to compute.
        sizes: Relevant rows of each query.
        distance: Canonical name.
        dtype: Of the embeddings.
    """
    if distance not in ("cosine", "dot_product") or dtype != np.float32:
        return None
    if any(measure.to_first for measure in measures) or sizes.max(initial=0) >= _MOST_NEEDED:
        return None
    fixed = max((measure.k for measure in measures), default=0)
    to_r = any(measure.to_r for measure in measures)
    depth = np.maximum(fixed, sizes * to_r)
    return depth if 0 < depth.max(initial=0) <= _MOST_NEEDED else None


def measure_pairs(
    rows: FloatArray,
    starts: IdArray,
    ends: IdArray,
    depth: NDArray[np.int64],
    measures: Sequence[Measure],
    verbose: int = 0,
) -> NDArray[np.float64] | None:
    """Values of the measures `(measures, rows)` of each row among all others.

    None where a network maps so much to one point that products do not tell what is near.

    Args:
        rows: `(rows, dim)`, those of one class side by side; their products say what is near.
        starts: Where the class of each row starts.
        ends: Where it ends; not after the row if nothing is relevant to it.
        depth: Of each row; see `depth_of`.
        measures: What to compute.
        verbose: 1 shows a progress bar.
    """
    pairs = _Pairs(rows, starts, ends, depth)
    if pairs.products is None:
        return None
    total = len(rows)
    with tqdm(total=total, desc="Evaluating", disable=not verbose) as bar:
        for height, near in pairs.strips(pairs.products):
            pairs.take(near)
            bar.update(height)
    pairs.merge()
    values = np.full((len(measures), total), np.nan)
    known: dict[tuple[bytes, int], list[float]] = {}  # so few ranks are the same for many
    for query, ranks, number in pairs.ranked():
        key = ranks.tobytes(), number
        if key not in known:
            ranked = RankedQuery(ranks, number, total - 1)
            known[key] = [measure(ranked) for measure in measures]
        values[:, query] = known[key]
    return values


class _Pairs:
    """Relevant scores and the nearest irrelevant ones of every row, strip by strip."""

    def __init__(
        self, rows: FloatArray, starts: IdArray, ends: IdArray, depth: NDArray[np.int64]
    ) -> None:
        self._rows, self._ends, self._depth = rows, ends, depth
        self._relevant = self._relevant_scores(starts)
        self._near = np.full((len(rows), int(depth.max())), np.inf, np.float32)
        farthest = np.where(self._relevant < np.inf, self._relevant, -np.inf).max(axis=1)
        self._last = np.maximum(depth - 1, 0)[:, None]
        self._bound = np.minimum(farthest, self._near_some(starts))
        apart = _irrelevant_pairs(starts, ends)
        self.products = quickest_products(rows, depth, -self._bound, apart)
        self._pending: list[NDArray[np.uint64]] = []
        self._num_pending = 0

    def _relevant_scores(self, starts: IdArray) -> FloatArray:
        """Scores `(rows, most relevant rows)` of what is relevant, then infinity."""
        one, other = _pairs_of_classes(self._ends)
        most = int((self._ends - starts).max())
        found = np.full((len(starts), max(most - 1, 1)), np.inf, np.float32)
        values = -products_of_pairs(self._rows, one, other)
        found[one, other - starts[one] - 1] = values
        found[other, one - starts[other]] = values
        return found

    def _near_some(self, starts: IdArray) -> FloatArray:
        """Scores that each row's `depth` nearest irrelevant rows do not exceed: first bounds."""
        size, most = self._near.shape
        # As many as make the first strips' candidates few, and cost little beside these.
        number = min(size // 16, max(512, 16 * most))
        if number < most:
            return np.full(size, np.inf, np.float32)
        some = np.random.default_rng(0).choice(size, number, replace=False)

        def prepare(number: int) -> FloatArray:
            part = slice(number * _ROWS, (number + 1) * _ROWS)
            scores = -(self._rows[part] @ self._rows[some].T)
            scores[(some >= starts[part, None]) & (some < self._ends[part, None])] = np.inf
            scores.partition(most - 1, axis=1)
            nearest = np.sort(scores[:, :most], axis=1)
            return np.take_along_axis(nearest, self._last[part], axis=1)[:, 0]

        found = np.concatenate(list(made_ahead(prepare, -(-size // _ROWS))))
        return found + slack_of_sums(self._rows)

    def strips(self, products: Products) -> Iterator[tuple[int, list[_Near]]]:
        """The number of rows of each strip, and what is near in it."""
        size = len(self._rows)
        room = max(1, _STRIP_BYTES // (products.itemsize * size))

        def prepare(number: int) -> tuple[int, list[_Near]]:
            start, stop = number * room, min(size, (number + 1) * room)
            strip = products.strip(start, stop)
            limits = products.limits(-self._bound)[start:]
            return stop - start, list(self._near_in(start, strip, limits))

        return made_ahead(prepare, -(-size // room))

    def _near_in(self, start: int, strip: NDArray[Any], limits: NDArray[Any]) -> Iterator[_Near]:
        """Irrelevant pairs within the bound of either row: rows, columns, scores."""
        height, width = strip.shape
        step = max(1, _TILE // width)
        found: list[NDArray[np.intp]] = []
        for top in range(0, height, step):
            tile = strip[top : top + step]
            chosen = tile >= limits[top : top + len(tile), None]
            chosen |= tile >= limits
            found.append(np.flatnonzero(chosen) + top * width)
            if top + step >= height or sum(map(len, found)) > _PENDING:
                yield self._nearest(start, *np.divmod(np.concatenate(found), width))
                found = []

    def _nearest(self, start: int, row: IdArray, column: IdArray) -> _Near:
        row, column = row + start, column + start
        is_irrelevant = (column > row) & (column >= self._ends[row])
        row, column = row[is_irrelevant], column[is_irrelevant]
        values = -products_of_pairs(self._rows, row, column)
        is_near = (values <= self._bound[row]) | (values <= self._bound[column])
        return row[is_near], column[is_near], values[is_near]

    def take(self, near: list[_Near]) -> None:
        """Keep what is near, to be merged."""
        for row, column, values in near:
            for query in (row, column):
                mine = values <= self._bound[query]  # the bounds may have fallen meanwhile
                self._pending.append(_packed(query[mine], values[mine]))
                self._num_pending += len(self._pending[-1])
            if self._num_pending > _PENDING:
                self.merge()

    def merge(self) -> None:
        """Keep the nearest of what is pending, and lower the bounds."""
        packed = np.concatenate([np.empty(0, np.uint64), *self._pending])
        packed.sort()
        query, values = _unpacked(packed)
        begins = np.searchsorted(query, np.arange(len(self._near) + 1))
        place = np.arange(len(query)) - begins[query]
        is_kept = place < self._near.shape[1]
        new = np.full_like(self._near, np.inf)
        new[query[is_kept], place[is_kept]] = values[is_kept]
        touched = np.flatnonzero(np.diff(begins))
        both = np.concatenate([self._near[touched], new[touched]], axis=1)
        both.sort(axis=1)
        self._near[touched] = both[:, : self._near.shape[1]]
        nearest = np.take_along_axis(self._near, self._last, axis=1)[:, 0]
        self._bound = np.minimum(self._bound, nearest)
        self._pending, self._num_pending = [], 0

    def ranked(self) -> Iterator[tuple[int, NDArray[np.int64], int]]:
        """Each row to which others are relevant: ranks within its depth, relevant rows."""
        sizes = (self._relevant < np.inf).sum(axis=1)
        steps = np.arange(1, self._relevant.shape[1] + 1)
        for begin in range(0, len(self._near), _ROWS):
            part = slice(begin, begin + _ROWS)
            relevant = np.sort(self._relevant[part], axis=1)
            ranks = np.empty(relevant.shape, np.int64)
            for column, near in enumerate(relevant.T):  # ties: the irrelevant come first
                ranks[:, column] = (self._near[part] <= near[:, None]).sum(axis=1)
            ranks += steps
            within = (ranks <= self._depth[part, None]) & (relevant < np.inf)
            counts = within.sum(axis=1).tolist()
            for row, number in enumerate(sizes[part].tolist()):
                if number > 0:
                    yield begin + row, ranks[row, : counts[row]], number


def _pairs_of_classes(ends: IdArray) -> tuple[IdArray, IdArray]:
    """All pairs of rows of one class, the first row's number below the second's, in order."""
    rows = np.arange(len(ends))
    counts = np.maximum(ends - rows - 1, 0)
    first = np.repeat(rows, counts)
    offsets = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, first + 1 + offsets


def _irrelevant_pairs(starts: IdArray, ends: IdArray) -> tuple[IdArray, IdArray]:
    """Some pairs of rows, none of one class."""
    one, other = np.random.default_rng(0).integers(0, len(starts), (2, _SAMPLE))
    is_apart = (other < starts[one]) | (other >= ends[one])
    return one[is_apart & (one != other)], other[is_apart & (one != other)]


def _packed(queries: IdArray, values: FloatArray) -> NDArray[np.uint64]:
    """Numbers that sort by query, then by value."""
    bits = (values + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return queries.astype(np.uint64) << np.uint64(32) | ordered


def _unpacked(packed: NDArray[np.uint64]) -> tuple[IdArray, FloatArray]:
    ordered = packed.astype(np.uint32)
    bits = np.where(ordered >> 31, ordered & np.uint32(2**31 - 1), ~ordered)
    return (packed >> np.uint64(32)).astype(np.int64), bits.view(np.float32)
