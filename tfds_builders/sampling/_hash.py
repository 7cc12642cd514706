"""Random numbers as a pure function of a seed and a counter.

SplitMix64 (Steele et al., 2014) in numpy's unsigned arithmetic: the same on every platform, in
any order and on any number of hosts, which a generator with state cannot promise.
"""

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Positions, keys and bits are all unsigned, so that overflow wraps instead of being undefined.
Unsigned = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _32 = (np.uint64(bits) for bits in (30, 27, 31, 32))
_LOW = np.uint64(2**32 - 1)


class Stream(enum.IntEnum):
    """Independent uses of one seed. The numbers are a format: changing one changes tuples."""

    ANCHOR = 1
    POSITIVE = 2
    NEGATIVE = 3
    CLASS_ORDER = 4
    MEMBERS = 5
    TRADE = 6
    KIND = 7
    PROBE = 8


def key_of(seed: int, stream: int, *parts: Any) -> Unsigned:
    """A key for each combination of the parts, which are integers or arrays of them."""
    key = mix(np.asarray([seed % 2**64], dtype=np.uint64))
    key = mix(key ^ np.uint64(stream))
    for part in parts:
        key = mix(key + np.asarray(part).astype(np.uint64))
    return key


def mix(values: Unsigned) -> Unsigned:
    """One step of SplitMix64: a bijection after which all bits depend on all bits."""
    values = values + _GOLDEN
    values ^= values >> _30
    values *= _MIX_1
    values ^= values >> _27
    values *= _MIX_2
    values ^= values >> _31
    return values


def random_bits(key: Unsigned, counters: NDArray[Any]) -> Unsigned:
    """64 random bits for each counter."""
    return mix(counters.astype(np.uint64) * _GOLDEN + key)


def random_below(key: Unsigned, counters: NDArray[Any], bounds: Any) -> NDArray[np.int64]:
    """A uniform integer in `[0, bound)` for each counter.

    Bounds are at most `2**32`; the bias is below `bound / 2**64`.
    """
    bits = random_bits(key, counters)
    bound = np.asarray(bounds).astype(np.uint64)
    # floor(bits * bound / 2**64) by halves, for want of a 128-bit product.
    carry = ((bits & _LOW) * bound) >> _32
    return (((bits >> _32) * bound + carry) >> _32).view(np.int64)
