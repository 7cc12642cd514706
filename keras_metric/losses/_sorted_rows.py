"""Rows sorted, and places looked up in them, without the permutation that sorted them.

A sort that carries a permutation costs XLA five times as much as one of integers alone,
and looking the places up again is cheap.
"""

import functools
import platform
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_metric.losses._masked import flat_places

# Above this many positives of one anchor, sorting beats walking (measured on CPU); sooner where
# steps are not compiled.
MOST_TO_WALK = 8 if keras.backend.backend() == "torch" else 32
# XLA sorts all rows of one call on one core; several calls run beside each other.
_PARTS = 4
_INTEGERS = {"float32": "int32", "float64": "int64"}
_INFINITY = float("inf")


class SortedRows:
    """The picked entries of each row in ascending order.

    Args:
        matrix: Shape `(batch, refs)`, without NaN. No gradient flows back.
        mask: Boolean, the same shape: the entries that count.

    Attributes:
        values: The picked entries in order, then inf, `(batch, refs)`.
        counts: How many are picked, `int32` of shape `(batch, 1)`.
    """

    def __init__(self, matrix: Any, mask: Any) -> None:
        self._keys = _sort(_to_integers(ops.where(mask, matrix, _INFINITY)))
        self.values = _from_integers(self._keys)
        self.counts = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True)

    def places(self, queries: Any, after_equal: Any = None) -> Any:
        """How many picked entries of its row are less than each query, `(batch, refs)`.

        Args:
            queries: Shape `(batch, refs)`.
            after_equal: Boolean, the same shape: where those that equal the query count too.
        """
        queries = _to_integers(queries)
        if after_equal is not None:
            queries = queries + ops.cast(after_equal, queries.dtype)

        return ops.minimum(_lower_bound(self._keys, queries), self.counts)

    def sums_at(self, places: Any, values: Any) -> Any:
        """Sum of the values at each place of their row from 0 to `refs`, `(batch, refs + 1)`."""
        return self._at(ops.segment_sum, places, values)

    def columns_at(self, places: Any, mask: Any) -> Any:
        """Last picked column at each place of its row from 0 to `refs`, `(batch, refs + 1)`.

        Without meaning where there is none. Exact up to 2**24 columns.
        """
        columns = ops.expand_dims(ops.arange(ops.shape(mask)[1], dtype="float32"), 0)
        last = self._at(ops.segment_max, places, ops.where(mask, columns, 0.0))
        return ops.cast(ops.maximum(last, 0.0), "int32")

    def _at(self, reduce: Callable[..., Any], places: Any, values: Any) -> Any:
        rows, size = ops.shape(values)
        segments = ops.reshape(flat_places(places, size + 1), (-1,))
        found = reduce(ops.reshape(values, (-1,)), segments, num_segments=rows * (size + 1))
        return ops.reshape(found, (rows, size + 1))


def _to_integers(x: Any) -> Any:
    """Signed integers in the order of floats; their own inverse is `_from_integers`."""
    x = ops.where(x == 0, 0.0, x)  # -0.0 equals 0.0
    return _flip(_view(x, _INTEGERS[keras.backend.standardize_dtype(x.dtype)]))


def _from_integers(keys: Any) -> Any:
    floats = {integer: float_ for float_, integer in _INTEGERS.items()}
    return _view(_flip(keys), floats[keras.backend.standardize_dtype(keys.dtype)])


def _view(x: Any, dtype: str) -> Any:
    if keras.backend.backend() != "tensorflow":
        return ops.view(x, dtype=dtype)
    import tensorflow as tf

    return tf.bitcast(x, dtype)  # `ops.view` wants to know the batch's size there


def _flip(bits: Any) -> Any:
    """Turn the order of the negative numbers around, whose bits grow with their size."""
    largest = (1 << (31 if keras.backend.standardize_dtype(bits.dtype) == "int32" else 63)) - 1
    return ops.where(bits < 0, ops.bitwise_xor(bits, largest), bits)


def _lower_bound(ordered: Any, queries: Any) -> Any:
    """How many entries of the sorted row are less than each query."""
    if keras.backend.backend() == "torch":
        import torch

        return torch.searchsorted(ordered, queries, out_int32=True)

    def is_less(place: Any) -> Any:
        return ops.take_along_axis(ordered, place, axis=1) < queries

    def halve(length: Any, place: Any) -> tuple[Any, Any]:
        half = length // 2
        return length - half, ops.where(is_less(place + half - 1), place + half, place)

    length = ops.convert_to_tensor(ops.shape(queries)[1], dtype="int32")
    start = ops.zeros_like(queries, dtype="int32")
    _, place = ops.while_loop(lambda length, place: length > 1, halve, (length, start))
    return place + ops.cast(is_less(place), "int32")


def _sort(keys: Any) -> Any:
    if keras.backend.backend() == "tensorflow":
        return _sort_of_tensorflow()(keys)
    return _sort_in_parts(keys, lambda part: ops.sort(part, axis=1))


def _sort_in_parts(keys: Any, sort: Callable[[Any], Any]) -> Any:
    quarter = -(-ops.shape(keys)[0] // _PARTS)
    parts = [keys[start * quarter : (start + 1) * quarter] for start in range(_PARTS)]
    return ops.concatenate([sort(part) for part in parts])


@functools.cache
def _sort_of_tensorflow() -> Callable[[Any], Any]:
    """XLA's sort, compiled by itself where the step is not: TensorFlow's own is a `top_k`."""
    import tensorflow as tf

    try:
        from tensorflow.compiler.tf2xla.python.xla import sort
    except ImportError:
        sort = None
    # Keras does not compile there either.
    is_without_xla = platform.system() == "Darwin" and tf.config.list_physical_devices("GPU")
    if sort is None or is_without_xla:
        return lambda keys: tf.sort(keys, axis=1)
    return tf.function(
        lambda keys: _sort_in_parts(keys, sort), jit_compile=True, reduce_retracing=True
    )
