"""Inner products of rows with all rows after them: in 32 bits, or in 16 to find what is near."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import FloatArray, IdArray

_ROWS_FOR_A_NEIGHBOUR = 4096  # with fewer, multiplying what is near takes what 16 bits save
_MOST_IN_DOUBT = 2.0**-6  # of all pairs: to multiply one again takes as long as 64 in a strip
_PROCESS = os.getpid()
_PAIRS_AT_ONCE = 4096  # their rows stay in the processor's cache


class Products(Protocol):
    """Products of rows, and which of them may be of near pairs.

    Attributes:
        itemsize: Bytes of an entry.
        slack: For each row, what rounding may change in any product of it, at most.
    """

    itemsize: int
    slack: FloatArray

    def strip(self, start: int, stop: int) -> NDArray[Any]:
        """Entries `(stop - start, rows - start)` that grow with the product.

        The same thread's next call may overwrite them.
        """

    def limits(self, least: FloatArray) -> NDArray[Any]:
        """For each row: if a product of it is at least `least`, its entry is at least this."""


def quickest_products(
    rows: FloatArray,
    depth: NDArray[np.int64],
    least: FloatArray,
    apart: tuple[IdArray, IdArray],
) -> Products | None:
    """What is in doubt about few pairs, or None.

    Args:
        rows: `(rows, dim)`.
        depth: How many of the nearest matter to each row.
        least: For each row, the least product that matters.
        apart: Pairs of rows at random.
    """
    kinds: list[Callable[[FloatArray], Products]] = [Float32]
    if len(rows) >= _ROWS_FOR_A_NEIGHBOUR * depth.mean() and has_quick_bfloat16():
        kinds.insert(0, BFloat16)
    values = products_of_pairs(rows, *apart)
    matters = np.any([values >= least[row] for row in apart], axis=0)
    for kind in kinds:
        products = kind(rows)
        may_matter = np.any([values >= (least - products.slack)[row] for row in apart], axis=0)
        if len(values) and np.mean(may_matter & ~matters) < _MOST_IN_DOUBT:
            return products
    return None


def products_of_pairs(rows: FloatArray, one: IdArray, other: IdArray) -> FloatArray:
    """Products in 32 bits, the same whichever row of a pair comes first."""
    found = np.empty(len(one), rows.dtype)
    for begin in range(0, len(one), _PAIRS_AT_ONCE):
        part = slice(begin, begin + _PAIRS_AT_ONCE)
        found[part] = np.einsum("ij,ij->i", rows[one[part]], rows[other[part]])
    return found


class Float32:
    """The products, but for what the order of a sum changes."""

    itemsize = 4

    def __init__(self, rows: FloatArray) -> None:
        self._rows = rows
        self.slack = slack_of_sums(rows)
        self._local = threading.local()

    def strip(self, start: int, stop: int) -> FloatArray:
        shape = stop - start, len(self._rows) - start
        size = shape[0] * shape[1]
        if getattr(self._local, "size", 0) < size:
            self._local.size, self._local.buffer = size, np.empty(size, np.float32)
        out = self._local.buffer[:size].reshape(shape)
        return np.matmul(self._rows[start:stop], self._rows[start:].T, out=out)

    def limits(self, least: FloatArray) -> FloatArray:
        return least - self.slack


class BFloat16:
    """The bits of products in bfloat16, which as integers are in the order of the products.

    Half as many bits go through the processor and the memory. Rounding each row `x` to `y` moves
    the products of one by no more than `|x - y| max|x| + |y| max|x - y|`, so nothing near is
    missed.
    """

    itemsize = 2

    def __init__(self, rows: FloatArray) -> None:
        import tensorflow as tf

        with tf.device("CPU:0"):
            self._rounded = tf.cast(tf.constant(rows), tf.bfloat16)
            rounded = self._rounded.numpy().astype(np.float32)
        lengths, kept, lost = map(_lengths, (rows, rounded, rows - rounded))
        self.slack = lost * lengths.max() + kept * lost.max() + slack_of_sums(rows)

    def strip(self, start: int, stop: int) -> NDArray[np.int16]:
        import tensorflow as tf

        with tf.device("CPU:0"):
            one, other = self._rounded[start:stop], self._rounded[start:]
            bits = tf.bitcast(tf.matmul(one, other, transpose_b=True), tf.int16)
            return np.asarray(memoryview(bits))  # `bits.numpy()` copies

    def limits(self, least: FloatArray) -> NDArray[np.int16]:
        least = least - self.slack
        bits = (least.view(np.uint32) >> 16).astype(np.int16)  # rounded towards 0
        return np.where(least > 0, bits, np.int16(-(2**15)))  # the negative are in reverse order


def has_quick_bfloat16() -> bool:
    """Whether TensorFlow is in use and quicker in bfloat16 than numpy in float32.

    In a process that was forked its operations would wait for threads that are not there.
    """
    is_forked = os.getpid() != _PROCESS or multiprocessing.parent_process() is not None
    if keras.backend.backend() != "tensorflow" or is_forked:
        return False
    import tensorflow as tf

    return tf.executing_eagerly() and _is_bfloat16_quick()


@cache
def _is_bfloat16_quick() -> bool:
    """That depends on the processor.

    The sums must be kept in 32 bits: in 16, those of so many positive products would be far off.
    """
    rows = np.random.default_rng(0).random((2048, 1024), np.float32)
    (bits, quick), (products, plain) = (
        _strip_and_seconds(one(rows)) for one in (BFloat16, Float32)
    )
    found = (bits.astype(np.uint32) << 16).view(np.float32)
    return bool(1.25 * quick < plain and np.allclose(found, products, rtol=2.0**-7))


def _strip_and_seconds(products: Products) -> tuple[NDArray[Any], float]:
    """All of the products, and the time that they take."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        strip = products.strip(0, len(products.slack))
        seconds.append(time.perf_counter() - start)
    return strip, min(seconds)


def slack_of_sums(rows: FloatArray) -> FloatArray:
    """What the order in which products are added may change, twice over."""
    lengths = _lengths(rows)
    slack = lengths * lengths.max(initial=0) * np.float32(2.0**-22) + np.finfo(np.float32).tiny
    return slack * np.float32(rows.shape[1] + 8)


def _lengths(rows: FloatArray) -> FloatArray:
    squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)  # in 32 bits these would be 0
    return np.sqrt(squares).astype(np.float32)
