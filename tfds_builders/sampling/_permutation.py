"""Random order without a table: where position `i` goes is computed from `i` alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sampling._hash import Unsigned, mix

# Small ranges need more rounds than large ones until every order is about equally likely.
_ROUNDS = 16
_CHUNK = 2**14  # positions worked on at a time: their few arrays stay in the processor's cache
_MIX_1 = np.uint64(0x9FB21C651E98DF25)
_MIX_2 = np.uint64(0xD6E8FEB86659FD93)
_32 = np.uint64(32)


def permute(keys: Any, positions: NDArray[Any], sizes: Any) -> NDArray[np.int64]:
    """Maps each position to its place in the random order of `[0, size)` that belongs to its key.

    A Feistel network (Luby and Rackoff, 1988) on a grid of `a x b >= size` cells whose sides
    are about `sqrt(size)`: in turn, each coordinate is shifted by a hash of the other. What
    lands beyond `size` walks on until it is inside (Black and Rogaway, 2002). Nothing is
    stored, and positions are computed in any order, on any host.

    Args:
        keys: 64-bit keys of the orders, broadcast against `positions`.
        positions: Integers from 0 to `size - 1`.
        sizes: Lengths of the orders, from 1 to `2**32`, broadcast against `positions`.
    """
    positions = np.asarray(positions).astype(np.uint64)
    keys = np.asarray(keys, dtype=np.uint64)
    sizes = np.asarray(sizes).astype(np.uint64)
    height = np.ceil(np.sqrt(sizes.astype(np.float64))).astype(np.uint64)  # exact below 2**52
    width = (sizes + height - np.uint64(1)) // height
    grid = _Grid(keys, sizes, height, width, positions.shape)
    out = np.empty(positions.size, dtype=np.uint64)
    flat = positions.reshape(-1)
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        out[part] = grid.walk(flat[part], part)
    return out.reshape(positions.shape).view(np.int64)


class _Grid:
    """The arguments of `permute`, flat, of which a part can be had."""

    def __init__(
        self,
        keys: Unsigned,
        sizes: Unsigned,
        height: Unsigned,
        width: Unsigned,
        shape: tuple[int, ...],
    ) -> None:
        self._arrays = [
            array.reshape(-1) if array.size == 1 else np.broadcast_to(array, shape).reshape(-1)
            for array in (keys, sizes, height, width)
        ]

    def walk(self, positions: Unsigned, part: slice) -> Unsigned:
        arrays = [array if array.size == 1 else array[part] for array in self._arrays]
        values = _rounds(positions, arrays[0], arrays[2], arrays[3])
        outside = np.flatnonzero(values >= arrays[1])
        while outside.size:
            rest = [array if array.size == 1 else array[outside] for array in arrays]
            moved = _rounds(values[outside], rest[0], rest[2], rest[3])
            values[outside] = moved
            outside = outside[moved >= rest[1]]
        return values


def _rounds(positions: Unsigned, keys: Unsigned, height: Unsigned, width: Unsigned) -> Unsigned:
    left = positions // width
    right = positions - left * width
    for _ in range(_ROUNDS // 2):
        keys = mix(keys)
        _shift(left, right, keys, height)
        keys = mix(keys)
        _shift(right, left, keys, width)
    left *= width
    left += right
    return left


def _shift(moved: Unsigned, by: Unsigned, key: Unsigned, size: Unsigned) -> None:
    """Adds, modulo `size`, a hash of `by` to `moved`, in place."""
    bits = by + key
    bits *= _MIX_1
    bits ^= bits >> _32
    bits *= _MIX_2
    bits >>= _32
    bits *= size
    bits >>= _32
    moved += bits
    # Below `size` the difference wraps around to a huge number, so the least one is right.
    np.minimum(moved, moved - size, out=moved)
