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
    tiles = _Tiles(matrix)
    partners, columns = _touched(is_class), _touched(is_other)

    def tile(row: Any, partner: Any, column: Any) -> Any:
        return ops.matmul(tiles.at(row, column), ops.transpose(tiles.at(partner, column)))

    return tiles.filled(partners, lambda row, partner: ops.take(columns, row, axis=0), tile)


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
    tiles, by = _Tiles(matrix), _Tiles(slopes)
    partners, columns = _touched(is_class), _touched(is_other)

    def tile(row: Any, column: Any, partner: Any) -> Any:
        both = by.at(row, partner) + ops.transpose(by.at(partner, row))
        return ops.matmul(both, tiles.at(partner, column))

    return tiles.filled(columns, lambda row, column: ops.take(partners, row, axis=0), tile)


class _Tiles:
    """A square matrix cut into tiles, one behind the other.

    They are taken as entries of an axis: to compile a slice of a matrix, TensorFlow wants
    to know where it starts, and compiles anew for every batch.
    """

    def __init__(self, matrix: Any) -> None:
        self.size = ops.shape(matrix)[0]
        self.side = -(-self.size // _TILE)
        tiles = ops.transpose(_cut(matrix), (0, 2, 1, 3))
        self.tiles = ops.reshape(tiles, (self.side * self.side, _TILE, _TILE))

    def at(self, row: Any, column: Any) -> Any:
        """One tile."""
        return ops.take(self.tiles, row * self.side + column, axis=0)

    def filled(self, mask: Any, wanted: Callable[..., Any], tile: Callable[..., Any]) -> Any:
        """Another matrix, whose tiles in the mask are sums of `tile(row, column, inner)`.

        Over the `inner` that `wanted(row, column)` says.
        """

        def outer(number: Any, total: Any) -> tuple[Any, Any]:
            place = ops.take(order, number)
            row, column = place // self.side, place % self.side
            inner, num_inner = _true_first(wanted(row, column))
            _, part = ops.while_loop(
                lambda n, part: n < num_inner,
                lambda n, part: (n + 1, part + tile(row, column, ops.take(inner, n))),
                (zero, ops.zeros((_TILE, _TILE), dtype=self.tiles.dtype)),
            )
            return number + 1, ops.slice_update(total, (place, 0, 0), ops.expand_dims(part, 0))

        order, count = _true_first(ops.reshape(mask, (-1,)))
        zero = ops.convert_to_tensor(0, dtype="int32")
        _, total = ops.while_loop(
            lambda number, total: number < count, outer, (zero, ops.zeros_like(self.tiles))
        )
        total = ops.reshape(total, (self.side, self.side, _TILE, _TILE))
        total = ops.transpose(total, (0, 2, 1, 3))
        whole = self.side * _TILE
        return ops.reshape(total, (whole, whole))[: self.size, : self.size]


def _true_first(flags: Any) -> tuple[Any, Any]:
    """Places of a mask in the order of True, then zeros; and how many there are."""
    flags = ops.cast(flags, "int32")
    size = ops.shape(flags)[0]
    places = ops.arange(size, dtype="int32") * flags
    ranks = ops.cumsum(flags) - 1
    ranks = ops.where(flags > 0, ranks, size - 1)  # the others add 0 there
    return ops.segment_sum(places, ranks, num_segments=size), ops.sum(flags)


def _touched(mask: Any) -> Any:
    """Whether there is anything in each tile."""
    return ops.max(_cut(mask), axis=(1, 3)) > 0


def _cut(x: Any) -> Any:
    """A square matrix, with zeros added, as `(tiles, tile, tiles, tile)`."""
    size = ops.shape(x)[0]
    x = ops.pad(x, [(0, -size % _TILE)] * 2)
    side = -(-size // _TILE)
    return ops.reshape(x, (side, _TILE, side, _TILE))
