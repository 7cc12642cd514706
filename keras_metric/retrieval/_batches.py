"""Inputs of any kind, batch by batch: arrays, and every dataset that `fit` takes."""

import sys
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_metric.retrieval._arrays import as_array, check_positive

Batch = tuple[Any, Any]


def batches(x: Any, y: Any = None, batch_size: int = 128) -> tuple[Iterator[Batch], int | None]:
    """Pairs of inputs and labels, and how many there are, if that is known.

    Args:
        x: An array or tensor, a dict or tuple of arrays for a model with several inputs, or
            an iterable of batches: a `tf.data.Dataset`, a `PyDataset`, a grain dataset or a
            PyTorch `DataLoader`. A batch is `x`, `(x, y)` or `(x, y, sample_weight)`.
        y: Labels of arrays; a dataset brings its own.
        batch_size: Rows a batch of arrays.

    Raises:
        ValueError: A dataset without an end, or one with `y` beside it; arrays of different
            lengths.
    """
    if not _is_dataset(x):
        return _of_arrays(x, y, check_positive(batch_size, "batch_size"))
    if y is not None:
        raise ValueError("A dataset brings its own labels. Received: a dataset and y")
    count = _count(x)
    return _of_dataset(x, count), count


def _is_dataset(x: Any) -> bool:
    if isinstance(x, (list, tuple, dict, np.ndarray)) or hasattr(x, "shape"):
        return False
    return isinstance(x, keras.utils.PyDataset) or hasattr(x, "__iter__")


def _of_arrays(x: Any, y: Any, size: int) -> tuple[Iterator[Batch], int]:
    if isinstance(x, list):  # plain numbers, as in `[[0.0, 1.0]]`
        x = np.asarray(x)
    x = keras.tree.map_structure(as_array, x)
    lengths = {len(part) if part.ndim else -1 for part in keras.tree.flatten(x)}
    if len(lengths) != 1 or -1 in lengths:
        raise ValueError(
            "`x` must be an array of rows, or several of one length. "
            f"Received: x with arrays of lengths {sorted(lengths)}"
        )
    rows = lengths.pop()
    if y is not None and len(y) != rows:
        raise ValueError(
            f"`y` must be as many as the rows of `x`, {rows}. Received: y of length {len(y)}"
        )
    parts = [slice(start, start + size) for start in range(0, rows, size)]
    return ((_rows(x, part), None if y is None else y[part]) for part in parts), len(parts)


def _rows(x: Any, part: slice) -> Any:
    return keras.tree.map_structure(lambda array: array[part], x)


def _count(dataset: Any) -> int | None:
    """The number of batches, None where it is not known.

    Raises:
        ValueError: The dataset has no end.
    """
    count: int | None = None
    if isinstance(dataset, keras.utils.PyDataset):
        count = dataset.num_batches
        endless = count is None
    elif hasattr(dataset, "cardinality"):  # tf.data: -1 has no end, -2 is not known
        found = int(dataset.cardinality())
        count, endless = (found if found >= 0 else None), found == -1
    else:
        try:
            count = len(dataset)
        except TypeError:  # Python's answer where there is no length, as of grain's IterDataset
            count = None
        endless = count is not None and count >= sys.maxsize  # grain's `repeat()`
    if endless:
        raise ValueError(
            "The dataset must end: take a number of batches of it. "
            f"Received: an endless {type(dataset).__name__}"
        )
    return count


def _of_dataset(dataset: Any, count: int | None) -> Iterator[Batch]:
    is_indexed = isinstance(dataset, keras.utils.PyDataset)
    found = (dataset[i] for i in range(count or 0)) if is_indexed else iter(dataset)
    for batch in found:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(
            tuple(batch) if isinstance(batch, list) else batch
        )
        yield keras.tree.map_structure(as_array, x), y
