"""Which classes meet in which batch."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sampling._hash import Stream, key_of, random_bits
from tfds_builders.sampling._permutation import permute

_ROWS = 64  # batches whose classes are mixed with each other
_BLOCKS = 16  # such sets of batches made at a time


class _Epoch(NamedTuple):
    number: int
    order: NDArray[np.int64]  # classes in the order in which they stand on the line
    ends: NDArray[np.int64]  # where each of them ends on it


class ClassPlan:
    """Deals visits of classes to batches, no class twice to one batch.

    All visits of an epoch stand on a line, those of a class side by side and the classes in
    random order; batch `b` of `B` takes the visits `b`, `b + B`, `b + 2 B`, ... A class has at
    most `B` visits, so a batch never takes two of them. Batches far apart on the line are then
    gathered in blocks, in which they trade classes that only one of the two has, in random
    exchanges that favour no outcome (Strona et al., 2014): any set of classes may meet.

    Args:
        visits: How often each class comes in an epoch, at least, shape `(classes,)`.
        classes_per_batch: P.
        seed: Any integer.
    """

    def __init__(self, visits: NDArray[np.int64], classes_per_batch: int, seed: int) -> None:
        self._per_batch, self._seed = classes_per_batch, seed
        total = int(visits.sum())
        self.num_batches = max(int(visits.max()), -(-total // classes_per_batch))
        self._visits, self._rest = self._fill(visits, total)
        self._num_blocks = -(-self.num_batches // _ROWS)
        self._epoch = _Epoch(-1, np.empty(0, np.int64), np.empty(0, np.int64))
        self._cached = (-1, -1)
        self._visit = self._class = np.empty((0, 0), dtype=np.int64)

    def _fill(self, visits: NDArray[np.int64], total: int) -> tuple[NDArray[np.int64], int]:
        """Further visits for the places left over, and how many are dealt anew each epoch."""
        visits = visits.copy()
        rest = self.num_batches * self._per_batch - total
        while rest:
            free = np.flatnonzero(visits < self.num_batches)
            if rest < len(free):
                break
            room = self.num_batches - visits[free]
            more = np.minimum(room, rest // len(free))
            visits[free] += more
            rest -= int(more.sum())
        return visits, rest

    def rows(
        self, epoch: int, start: int, stop: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Classes of the batches `start` to `stop` of an epoch, and the visit that each is.

        Both of shape `(stop - start, classes_per_batch)`.
        """
        parts = []
        while start < stop:
            chunk, end = self._chunk_of(start)
            self._load(epoch, chunk)
            upto = min(stop, end)
            begin = end - len(self._class)
            parts.append(
                (
                    self._class[start - begin : upto - begin],
                    self._visit[start - begin : upto - begin],
                )
            )
            start = upto
        return np.concatenate([c for c, _ in parts]), np.concatenate([v for _, v in parts])

    def _begin_of(self, block: int) -> int:
        """The first batch of a block: lengths of blocks differ by at most one."""
        each, longer = divmod(self.num_batches, self._num_blocks)
        return block * each + min(block, longer)

    def _chunk_of(self, batch: int) -> tuple[int, int]:
        each, longer = divmod(self.num_batches, self._num_blocks)
        block = min(batch // (each + 1), longer)
        if batch >= longer * (each + 1):
            block = longer + (batch - longer * (each + 1)) // each
        chunk = block // _BLOCKS
        return chunk, self._begin_of(min((chunk + 1) * _BLOCKS, self._num_blocks))

    def _load(self, epoch: int, chunk: int) -> None:
        if self._cached == (epoch, chunk):
            return
        if self._epoch.number != epoch:
            self._epoch = self._line(epoch)
        blocks = np.arange(chunk * _BLOCKS, min((chunk + 1) * _BLOCKS, self._num_blocks))
        row = np.arange(-(-self.num_batches // self._num_blocks))
        batch = blocks[:, None] + row * self._num_blocks  # (blocks, rows)
        exists = batch < self.num_batches
        column = np.arange(self._per_batch) * self.num_batches
        places = np.where(exists, batch, 0)[..., None] + column  # (blocks, rows, P)
        slots = np.searchsorted(self._epoch.ends, places, side="right")
        classes = self._epoch.order[slots]
        if self._per_batch < len(self._visits):
            key = key_of(self._seed, Stream.TRADE, epoch)
            self._trade(classes, places, exists, blocks, key)
        slot_of_class = np.searchsorted(self._epoch.ends, places, side="right")
        ends = self._epoch.ends[slot_of_class]
        visit = places - (ends - self._count(slot_of_class))
        self._class, self._visit = classes[exists], visit[exists]
        self._cached = (epoch, chunk)

    def _count(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        ends = self._epoch.ends
        return ends[slots] - np.where(slots > 0, ends[slots - 1], 0)

    def _line(self, epoch: int) -> _Epoch:
        size = len(self._visits)
        order = permute(key_of(self._seed, Stream.CLASS_ORDER, epoch), np.arange(size), size)
        visits = self._visits[order]
        if self._rest:
            visits[np.flatnonzero(visits < self.num_batches)[: self._rest]] += 1
        return _Epoch(epoch, order, np.cumsum(visits))

    def _trade(
        self,
        classes: NDArray[np.int64],
        places: NDArray[np.int64],
        exists: NDArray[np.bool_],
        blocks: NDArray[np.int64],
        key: NDArray[np.uint64],
    ) -> None:
        """Lets rows of a block exchange classes, in place, first the distant ones."""
        rows, width = classes.shape[1:]
        distance = 1 << max((rows - 1).bit_length() - 1, 0)
        while distance:
            first = np.flatnonzero(np.arange(rows) & distance == 0)
            first = first[first + distance < rows]
            second = first + distance
            counter = (blocks[:, None] * _ROWS + first) * 2 * _ROWS + distance
            bits = random_bits(key, counter[..., None] * (width + 1) + np.arange(width + 1))
            turn = bits[..., -1:] % np.uint64(width)
            aligned = (np.arange(width) + turn.astype(np.int64)) % width
            a, b = classes[:, first], np.take_along_axis(classes[:, second], aligned, 2)
            pa, pb = places[:, first], np.take_along_axis(places[:, second], aligned, 2)
            equal = a[..., :, None] == b[..., None, :]
            swap = ~(equal.any(-1) | equal.any(-2)) & (bits[..., :-1] >> np.uint64(63) == 1)
            swap &= (exists[:, first] & exists[:, second])[..., None]
            classes[:, first], classes[:, second] = np.where(swap, b, a), np.where(swap, a, b)
            places[:, first], places[:, second] = np.where(swap, pb, pa), np.where(swap, pa, pb)
            distance >>= 1
