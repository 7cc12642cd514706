"""Terms of each anchor's positives that depend on how many entries rank before them, smoothly.

Two ways: visiting one positive of every anchor at a time, whose work grows with the
number of positives; and a grid along the similarities, whose work does not.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_metric.losses._masked import flat_places
from keras_metric.miners._triplets import column, is_column, walk_positives

# Above this many positives of one anchor, the grid beats walking (measured on CPU).
_MOST_TO_WALK = 20
_NODES = 680  # enough for cosines at a temperature of 0.01
_SPACING = 0.3  # of the nodes, in temperatures
# Nodes that stand for an entry between them: comparisons are then right to 3e-6, and their
# slopes to 3e-5 of the steepest.
_ORDER = 6
_ROWS = 128 if keras.backend.backend() == "torch" else 64  # at a time

# From the counts of each set, the term's value and its derivative by each count.
Term = Callable[..., tuple[Any, list[Any]]]


def sum_over_positives(
    similarities: Any, is_positive: Any, sets: Sequence[Any], temperature: float, term: Term
) -> Any:
    """Sum over each anchor's positives of a term of smooth counts, shape `(batch,)`.

    The count of positive `i` in a set is `sum_j sigmoid((s_j - s_i) / temperature)` over its
    entries `j` other than `i`. Memory is quadratic in the batch.

    Args:
        similarities: Shape `(batch, refs)`.
        is_positive: Boolean, `(batch, refs)`.
        sets: Boolean masks, `(batch, refs)`, that do not overlap.
        temperature: Width of the comparison, in units of the similarities.
        term: Elementwise function of as many counts as there are sets.
    """
    fixed = ops.stop_gradient(similarities)

    def walk() -> tuple[Any, Any]:
        return _walk(fixed, is_positive, sets, temperature, term)

    if keras.backend.standardize_dtype(fixed.dtype) == "float64":
        sums, slopes = walk()  # whoever wants 64 bits does not want a grid's six digits
    else:
        grid = _Grid(fixed, is_positive, sets, temperature)
        most = ops.max(ops.sum(ops.cast(is_positive, "int32"), axis=1))
        may_walk = ops.logical_or(most <= _MOST_TO_WALK, grid.is_too_short)
        sums, slopes = ops.cond(may_walk, walk, lambda: grid.sums_and_slopes(term))
    sums, slopes = ops.stop_gradient(sums), ops.stop_gradient(slopes)
    return sums + ops.sum(slopes * (similarities - fixed), axis=1)


def _walk(
    fixed: Any, is_positive: Any, sets: Sequence[Any], temperature: float, term: Term
) -> tuple[Any, Any]:
    def step(columns: Any, has_one: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
        is_this = is_column(columns, fixed)
        before = ops.sigmoid((fixed - column(fixed, columns)) / temperature)
        before = ops.where(is_this, 0.0, before)
        picked = (ops.where(mask, before, 0.0) for mask in sets)
        value, by_count = term(*(ops.sum(one, axis=1, keepdims=True) for one in picked))
        slopes: Any = 0.0
        for mask, slope in zip(sets, by_count, strict=True):
            slope = ops.where(has_one, slope / temperature, 0.0)
            slopes = ops.where(mask, slope, slopes)
        slopes = slopes * before * (1.0 - before)
        to_own = ops.sum(slopes, axis=1, keepdims=True)
        sums = state[0] + ops.where(has_one, value, 0.0)[:, 0]
        return sums, state[1] + ops.where(is_this, -to_own, slopes)

    start = (ops.zeros_like(fixed[:, 0]), ops.zeros_like(fixed))
    return walk_positives(is_positive, step, start)


class _Grid:
    """Equally spaced nodes along the similarities, between which all is interpolated.

    An entry's weight is spread over the nodes around it; what the nodes feel of each other
    is a product of matrices; and that is read off again around each entry. The fast Gauss
    transform of [Greengard and Strain, 1991](https://doi.org/10.1137/0912004), with a
    sigmoid, and a grid for its expansions.
    """

    def __init__(
        self, fixed: Any, is_positive: Any, sets: Sequence[Any], temperature: float
    ) -> None:
        self.fixed, self.is_positive, self.sets = fixed, is_positive, sets
        self.temperature = temperature
        takes_part = is_positive
        for mask in sets:
            takes_part = ops.logical_or(takes_part, mask)
        self.lowest = ops.min(ops.where(takes_part, fixed, float("inf")))
        highest = ops.max(ops.where(takes_part, fixed, -float("inf")))
        self.spacing = _SPACING * temperature
        length = self.spacing * (_NODES - _ORDER)
        self.is_too_short = ops.logical_not(highest - self.lowest <= length)

    def sums_and_slopes(self, term: Term) -> tuple[Any, Any]:
        """Return the sums and their derivatives by the similarities, some rows at a time."""
        kernels = _kernels(self.fixed.dtype)
        rows, width = ops.shape(self.fixed)
        block = ops.minimum(rows, _ROWS) if ops.is_tensor(rows) else min(rows, _ROWS)
        blocks = -(-rows // block)
        # The last row stands in for those that fill the last block.
        taken = ops.minimum(ops.arange(blocks * block, dtype="int32"), rows - 1)
        parts = [
            ops.reshape(ops.take(x, taken, axis=0), (blocks, block, width))
            for x in (self.fixed, self.is_positive, *self.sets)
        ]
        sums, slopes = ops.map(lambda part: self._of_rows(part, term, *kernels), parts)
        return ops.reshape(sums, (-1,))[:rows], ops.reshape(slopes, (-1, width))[:rows]

    def _of_rows(
        self, part: Sequence[Any], term: Term, before: Any, change: Any
    ) -> tuple[Any, Any]:
        fixed, is_positive, *sets = part
        position = (fixed - self.lowest) / self.spacing
        position = ops.clip(position, 0.0, float(_NODES - _ORDER))
        node = ops.floor(position)
        shares = _lagrange(position - node)
        node = ops.cast(node, "int32")
        picked = [ops.cast(mask, fixed.dtype) for mask in sets]
        in_own = node + _NODES * sum(
            number * ops.cast(mask, "int32") for number, mask in enumerate(sets)
        )
        weights = _spread(in_own, shares, sum(picked), len(sets))
        num_sets = len(sets)
        known = ops.concatenate([ops.matmul(weights, before), ops.matmul(weights, change)], axis=1)
        found = _read(known, node, shares)
        # The entry itself counts one half.
        value, by_count = term(
            *(count - 0.5 * one for count, one in zip(found[:num_sets], picked, strict=True))
        )
        by_count = [ops.where(is_positive, slope, 0.0) for slope in by_count]
        pushed = ops.concatenate([_spread(node, shares, slope, 1) for slope in by_count], axis=1)
        pushed = ops.reshape(ops.matmul(pushed, change), (-1, 1, num_sets * _NODES))
        slopes = sum(picked) * _read(pushed, in_own, shares)[0]
        for slope, pull in zip(by_count, found[num_sets:], strict=True):
            slopes = slopes - slope * pull
        return ops.sum(ops.where(is_positive, value, 0.0), axis=1), slopes / self.temperature


def _kernels(dtype: Any) -> tuple[Any, Any]:
    """How far each node comes before each other, and the derivative of that, `(nodes, nodes)`."""
    nodes = _SPACING * np.arange(_NODES)
    before = 1.0 / (1.0 + np.exp(nodes - nodes[:, None]))
    change = before * (1.0 - before)
    return ops.convert_to_tensor(before, dtype=dtype), ops.convert_to_tensor(change, dtype=dtype)


def _lagrange(between: Any) -> list[Any]:
    """Weights of the nodes around places that are from 0 to 1 between the middle two."""
    places = range(1 - _ORDER // 2, 1 + _ORDER // 2)
    factors = [between - float(place) for place in places]
    before, after = [ops.ones_like(between)], [ops.ones_like(between)]
    for left, right in zip(factors[:-1], factors[:0:-1], strict=True):
        before.append(before[-1] * left)
        after.append(after[-1] * right)
    scales = [1.0 / math.prod(here - other for other in places if other != here) for here in places]
    return [
        scale * left * right
        for scale, left, right in zip(scales, before, reversed(after), strict=True)
    ]


def _spread(node: Any, shares: list[Any], values: Any, grids: int) -> Any:
    """Each value over the nodes around it, `(batch, grids, nodes)`."""
    size = grids * _NODES
    parts = ops.reshape(ops.stack([share * values for share in shares], axis=-1), (-1, _ORDER))
    rows = ops.shape(node)[0]
    places = ops.reshape(flat_places(node, size), (-1,))
    cells = ops.segment_sum(parts, places, num_segments=rows * size)
    cells = ops.reshape(cells, (rows, size, _ORDER))
    total = cells[:, :, 0]
    for place in range(1, _ORDER):
        total = total + ops.pad(cells[:, :-place, place], ((0, 0), (place, 0)))
    return ops.reshape(total, (rows, grids, _NODES))


def _read(known: Any, node: Any, shares: list[Any]) -> list[Any]:
    """What is known at the nodes, `(batch, grids, nodes)`, at each entry: one array a grid."""
    _, grids, size = ops.shape(known)
    places = flat_places(node, size)
    if keras.backend.backend() != "torch":
        return [_at(ops.reshape(known[:, n], (-1,)), places, shares) for n in range(grids)]
    together = ops.reshape(ops.transpose(known, (0, 2, 1)), (-1, grids))
    found = _at(together, places, [ops.expand_dims(share, -1) for share in shares])
    return [found[..., n] for n in range(grids)]


def _at(known: Any, places: Any, shares: list[Any]) -> Any:
    return sum(
        share * ops.take(known, places + place, axis=0) for place, share in enumerate(shares)
    )
