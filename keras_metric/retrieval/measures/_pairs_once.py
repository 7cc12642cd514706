"""Leave-one-out measures of small classes, from half of the query x gallery matrix.

Where the queries are the gallery, the score of a pair serves both of its rows, so only the part
of the matrix right of the diagonal is computed. And where few rows are relevant to a query, the
measures need few of the irrelevant ones: no more than the `depth` nearest, and none that is
farther than the farthest relevant row. Those are picked out of each strip of the matrix by
comparing it with a bound for each row, which falls as nearer ones are found.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval._threads import made_ahead, num_ahead
from keras_metric.retrieval.measures._formulas import Measure, RankedQuery
from keras_metric.retrieval.measures._scores import Scores

_MOST_NEEDED = 64  # irrelevant rows kept for each query
_STRIP_BYTES = 64 * 2**20
_FIRST_STRIP = 32  # the bounds fall fast in the first strips, so these are short
_TILE = 8192  # columns compared at once: they stay in the processor's cache
_PENDING = 2**20

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
    scores: Scores,
    distance: str,
    verbose: int = 0,
) -> NDArray[np.float64]:
    """Values of the measures `(measures, rows)` of each row among all others.

    Args:
        rows: `(rows, dim)`, those of one class side by side.
        starts: Where the class of each row starts.
        ends: Where it ends; not after the row if nothing is relevant to it.
        depth: Of each row; see `depth_of`.
        measures: What to compute.
        scores: Of the rows as a gallery.
        distance: Canonical name.
        verbose: 1 shows a progress bar.
    """
    pairs = _Pairs(rows, starts, ends, depth, scores, distance)
    total = len(rows)
    with tqdm(total=total, desc="Evaluating", disable=not verbose) as bar:
        for start, strip, near in pairs.strips():
            pairs.take(start, strip, near)
            bar.update(len(strip))
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
        self,
        rows: FloatArray,
        starts: IdArray,
        ends: IdArray,
        depth: NDArray[np.int64],
        scores: Scores,
        distance: str,
    ) -> None:
        self._left, self._right = scores.factors(rows), scores.rows
        self._starts, self._ends, self._depth = starts, ends, depth
        size, width = len(rows), int(depth.max())
        most = int((ends - starts).max())
        self._relevant = np.full((size, max(most - 1, 1)), np.inf, np.float32)
        self._near = np.full((size, width), np.inf, np.float32)
        self._first, self._second = _pairs_of_classes(ends)
        self._pending: list[NDArray[np.uint64]] = []
        self._num_pending = 0
        self._bound = self._farthest_relevant(distance)

    def _farthest_relevant(self, distance: str) -> FloatArray:
        """A bound on each row's relevant scores, beyond what rounding may move them."""
        found = np.full(len(self._left), -np.inf, np.float32)
        for begin in range(0, len(self._first), 2**16):
            one, other = (x[begin : begin + 2**16] for x in (self._first, self._second))
            values = np.einsum("ij,ij->i", self._left[one], self._right[other])
            np.maximum.at(found, one, values)
            np.maximum.at(found, other, values)
        longest = 1.0 if distance == "cosine" else np.square(self._right).sum(axis=1).max()
        return found + np.float32(1e-4 * longest)

    def strips(self) -> Iterator[tuple[int, FloatArray, list[_Near]]]:
        """First row, scores from the diagonal on and what is near, of some rows at a time."""
        size = len(self._left)
        room = max(1, _STRIP_BYTES // (4 * size))
        edges = [0]
        while edges[-1] < size:
            rows = min(max(edges[-1], _FIRST_STRIP), room)
            edges.append(min(size, edges[-1] + rows))
        buffers = [np.empty(room * size, np.float32) for _ in range(num_ahead() + 1)]

        def prepare(number: int) -> tuple[int, FloatArray, list[_Near]]:
            start, stop = edges[number], edges[number + 1]
            out = buffers[number % len(buffers)][: (stop - start) * (size - start)]
            out = out.reshape(stop - start, size - start)
            np.matmul(self._left[start:stop], self._right[start:].T, out=out)
            tiles = range(start, size, _TILE)
            near = [self._near_in(start, x, out[:, x - start : x - start + _TILE]) for x in tiles]
            return start, out, near

        return made_ahead(prepare, len(edges) - 1)

    def _near_in(self, top: int, left: int, tile: FloatArray) -> _Near:
        """Irrelevant pairs within the bound of either row: rows, columns, scores."""
        bound, (height, width) = self._bound, tile.shape
        chosen = tile <= bound[top : top + height, None]
        chosen |= tile <= bound[None, left : left + width]
        flat = np.flatnonzero(chosen)
        row, column = np.divmod(flat, width)
        values = tile[row, column]
        row, column = row + top, column + left
        is_pair = (column > row) & (column >= self._ends[row])
        return row[is_pair], column[is_pair], values[is_pair]

    def take(self, start: int, strip: FloatArray, near: list[_Near]) -> None:
        """Take from a strip what matters."""
        begin, end = np.searchsorted(self._first, [start, start + len(strip)])
        one, other = self._first[begin:end], self._second[begin:end]
        values = strip[one - start, other - start]
        self._relevant[one, other - self._starts[one] - 1] = values
        self._relevant[other, one - self._starts[other]] = values
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
        last = np.maximum(self._depth - 1, 0)[:, None]
        self._bound = np.minimum(self._bound, np.take_along_axis(self._near, last, axis=1)[:, 0])
        self._pending, self._num_pending = [], 0

    def ranked(self) -> Iterator[tuple[int, NDArray[np.int64], int]]:
        """Each row to which others are relevant: ranks within its depth, relevant rows."""
        sizes = self._ends - self._starts - 1
        steps = np.arange(1, self._relevant.shape[1] + 1)
        for begin in range(0, len(self._near), 4096):
            part = slice(begin, begin + 4096)
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


def _packed(queries: IdArray, values: FloatArray) -> NDArray[np.uint64]:
    """Numbers that sort by query, then by value."""
    bits = (values + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return queries.astype(np.uint64) << np.uint64(32) | ordered


def _unpacked(packed: NDArray[np.uint64]) -> tuple[IdArray, FloatArray]:
    ordered = packed.astype(np.uint32)
    bits = np.where(ordered >> 31, ordered & np.uint32(2**31 - 1), ~ordered)
    return (packed >> np.uint64(32)).astype(np.int64), bits.view(np.float32)
