"""An endless sequence in epochs, of which each host takes its part."""

import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sampling._checks import check_shard


class Sharded:
    """Splits every epoch into runs of equal length, to within one; a subclass sets `_length`."""

    _length: int
    _shard_index = 0
    _shard_count = 1

    def __len__(self) -> int:
        """How many there are in an epoch, or in this host's part of it."""
        begin, end = self._part()
        return end - begin

    def shard(self, index: int, count: int) -> Self:
        """The part of host `index` of `count`.

        The hosts' parts of an epoch do not overlap, together are the whole, and are the same
        tuples as without sharding. Their lengths may differ by one.

        Raises:
            ValueError: Not `0 <= index < count`, or an epoch is shorter than `count`.
        """
        check_shard(index, count, self._length)
        part = copy.copy(self)
        part._shard_index, part._shard_count = index, count
        return part

    def _part(self) -> tuple[int, int]:
        index, count = self._shard_index, self._shard_count
        return self._length * index // count, self._length * (index + 1) // count

    def _unsharded(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers in the whole sequence from those in this host's."""
        begin, end = self._part()
        epochs, places = np.divmod(numbers, end - begin)
        return epochs * self._length + places + begin
