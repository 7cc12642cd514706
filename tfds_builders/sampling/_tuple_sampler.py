"""What pair and triplet samplers share."""

import abc

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sampling._checks import check_range
from tfds_builders.sampling._sharding import Sharded

_CHUNK = 2**15  # tuples made at a time, which bounds the memory beyond the result


class TupleSampler(Sharded, abc.ABC):
    """Draws tuples by number; a subclass says how."""

    _width: int
    seed: int

    def take(self, start: int, stop: int) -> NDArray[np.int64]:
        """Tuples `start` to `stop`, counted over all epochs.

        Returns:
            Positions of examples, shape `(stop - start, 2)` for pairs and `(stop - start, 3)`
            for triplets.
        """
        numbers = check_range(start, stop)
        taken = np.empty((len(numbers), self._width), dtype=np.int64)
        for begin in range(0, len(numbers), _CHUNK):
            part = slice(begin, begin + _CHUNK)
            taken[part] = self._draw(self._unsharded(numbers[part]))
        return taken

    @abc.abstractmethod
    def _draw(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tuples of these numbers in the unsharded sequence."""
