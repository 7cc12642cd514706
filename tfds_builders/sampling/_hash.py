"""Random numbers as a pure function of a seed and a counter.

SplitMix64 (Steele et al., 2014) in numpy's unsigned arithmetic: the same on every platform, in
any order and on any number of hosts, which a generator with state cannot promise.
"""

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def random_bits(seed: int, stream: int, counters: NDArray[np.int64]) -> NDArray[np.uint64]:
    """64 random bits for each counter; `stream` separates independent uses of one seed."""
    key = _mix(np.asarray([seed % 2**64], dtype=np.uint64))
    key = _mix(key ^ np.uint64(stream))
    return _mix(counters.astype(np.uint64) + key)


def random_below(
    seed: int, stream: int, counters: NDArray[np.int64], bounds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A uniform integer in `[0, bound)` for each counter; its bias is below `bound / 2**32`."""
    high = random_bits(seed, stream, counters) >> np.uint64(32)
    return ((high * bounds.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)


def permutation(seed: int, stream: int, size: int) -> NDArray[np.int64]:
    """The numbers `0 .. size - 1` in a random order."""
    return np.argsort(random_bits(seed, stream, np.arange(size)), kind="stable")


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = values + _GOLDEN
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return values ^ (values >> np.uint64(31))
