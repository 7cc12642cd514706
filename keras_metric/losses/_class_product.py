"""Products of the rows of a class with each other, class by class."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

# Where steps are not compiled, the whole product is faster than its tiles.
_IS_WHOLE = keras.backend.backend() == "torch"
_TILE = 512  # large enough that a product takes longer than the copies for it
LEAST_ROWS = 2 * _TILE  # below, there is no tile to leave out


def class_product(matrix: Any, is_class: Any, is_other: Any) -> Any:
    """`matrix @ matrix.T` of the rows of one class; elsewhere it may be left out.

    Only the tiles that the masks touch are visited: a few if the rows are in the order of
    their classes.

    Args:
        matrix: Shape `(batch, batch)`; 0 where `is_other` is False.
        is_class: Of pairs of one class, `(batch, batch)`; symmetric.
        is_other: Of pairs of different classes, `(batch, batch)`.
    """
    if _IS_WHOLE:
        return ops.matmul(matrix, ops.transpose(matrix))
    padded, partners, columns = _padded(matrix), _touched(is_class), _touched(is_other)

    def tile(row: Any, partner: Any, column: Any) -> Any:
        of_partner = ops.transpose(_tile(padded, partner, column))
        return ops.matmul(_tile(padded, row, column), of_partner)

    def wanted(row: Any, partner: Any) -> Any:
        return columns[row]

    return _cropped(_fill(padded, partners, wanted, tile), matrix)


def class_product_gradient(slopes: Any, matrix: Any, is_class: Any, is_other: Any) -> Any:
    """`(slopes + slopes.T) @ matrix` at pairs of different classes, else it may be left out.

    Args:
        slopes: By the entries of `class_product`; 0 where `is_class` is False.
        matrix: As there.
        is_class: As there.
        is_other: As there.
    """
    if _IS_WHOLE:
        return ops.matmul(slopes + ops.transpose(slopes), matrix)
    padded, partners, columns = _padded(matrix), _touched(is_class), _touched(is_other)
    slopes = _padded(slopes)

    def tile(row: Any, column: Any, partner: Any) -> Any:
        both = _tile(slopes, row, partner) + ops.transpose(_tile(slopes, partner, row))
        return ops.matmul(both, _tile(padded, partner, column))

    def wanted(row: Any, column: Any) -> Any:
        return partners[row]

    return _cropped(_fill(padded, columns, wanted, tile), matrix)


def _fill(like: Any, tiles: Any, wanted: Callable[..., Any], tile: Callable[..., Any]) -> Any:
    """Each of the tiles is the sum of `tile(row, column, inner)` over what is wanted for it."""
    size = ops.shape(tiles)[0]

    def outer(number: Any, total: Any) -> tuple[Any, Any]:
        row, column = order[number] // size, order[number] % size
        inner, num_inner = _true_first(wanted(row, column))
        _, part = ops.while_loop(
            lambda n, part: n < num_inner,
            lambda n, part: (n + 1, part + tile(row, column, inner[n])),
            (zero, ops.zeros((_TILE, _TILE), dtype=like.dtype)),
        )
        return number + 1, ops.slice_update(total, (row * _TILE, column * _TILE), part)

    order, count = _true_first(ops.reshape(tiles, (-1,)))
    zero = ops.convert_to_tensor(0, dtype="int32")
    _, total = ops.while_loop(
        lambda number, total: number < count, outer, (zero, ops.zeros_like(like))
    )
    return total


def _true_first(flags: Any) -> tuple[Any, Any]:
    """Places where a mask is True, then zeros; and how many there are."""
    flags = ops.cast(flags, "int32")
    size = ops.shape(flags)[0]
    places = ops.arange(size, dtype="int32") * flags
    ranks = ops.cumsum(flags) - 1
    ranks = ops.where(flags > 0, ranks, size - 1)  # the others add 0 there
    return ops.segment_sum(places, ranks, num_segments=size), ops.sum(flags)


def _touched(mask: Any) -> Any:
    """Whether there is anything in each tile."""
    mask = _padded(mask)
    tiles = ops.shape(mask)[0] // _TILE
    return ops.max(ops.reshape(mask, (tiles, _TILE, tiles, _TILE)), axis=(1, 3)) > 0


def _padded(x: Any) -> Any:
    """Zeros added until the sides are whole tiles."""
    return ops.pad(x, [(0, -size % _TILE) for size in ops.shape(x)])


def _cropped(x: Any, like: Any) -> Any:
    rows, columns = ops.shape(like)
    return x[:rows, :columns]


def _tile(x: Any, row: Any, column: Any) -> Any:
    return ops.slice(x, (row * _TILE, column * _TILE), (_TILE, _TILE))
