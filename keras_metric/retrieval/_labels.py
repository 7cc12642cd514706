"""Labels of any kind: integers stay int64, everything else is kept as Python objects.

Equality is exact: nothing is cast to float, so 16777216 and 16777217 differ.
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import as_array

LabelArray = NDArray[Any]

_INT64_MAX = np.iinfo(np.int64).max


def as_labels(labels: Any, count: int | None, name: str = "labels") -> LabelArray:
    """Flat labels: int64 where all are integers, else an object array of int, str or None.

    Args:
        labels: Integers, strings or None, `(rows,)` or `(rows, 1)`; None for "no labels".
        count: How many there must be; None takes any.
        name: How the caller calls it, for messages.

    Raises:
        ValueError: Of another number, rank or kind.
    """
    if labels is None:
        return np.full(count or 0, None, object)
    array = _as_flat(labels, name)
    if count is not None and len(array) != count:
        raise ValueError(
            f"`{name}` must be as many as the embeddings, {count}. "
            f"Received: {name} of length {len(array)}"
        )
    if array.dtype.kind in "biu" and not (array.dtype.kind == "u" and _overflows(array)):
        return array.astype(np.int64)
    values = [_as_label(value, name) for value in array.tolist()]
    return _pack(values)


def factorize(*columns: LabelArray) -> list[NDArray[np.int64]]:
    """Each column as codes: equal labels, and only they, get equal codes; None is -1."""
    if all(column.dtype != object for column in columns):
        codes = np.unique(np.concatenate(columns), return_inverse=True)[1]
        ends = np.cumsum([len(column) for column in columns])[:-1]
        return [part.astype(np.int64) for part in np.split(codes, ends)]
    table: dict[Any, int] = {None: -1}
    return [
        np.fromiter((table.setdefault(v, len(table) - 1) for v in c.tolist()), np.int64, len(c))
        for c in columns
    ]


def join_labels(parts: list[LabelArray]) -> LabelArray:
    """Labels one after another; strings and integers together become objects."""
    if len({part.dtype for part in parts}) > 1:
        parts = [part.astype(object) for part in parts]
    return np.concatenate(parts)


def _as_flat(labels: Any, name: str) -> LabelArray:
    array: Any
    if isinstance(labels, (list, tuple)):
        # numpy would turn [1, "a", None] into strings; objects keep each as it is.
        array = np.empty(len(labels), object)
        array[:] = [x.item() if isinstance(x, np.generic) else x for x in labels]
        if all(type(x) is int and abs(x) <= _INT64_MAX for x in array):
            array = array.astype(np.int64)
    else:
        array = as_array(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"`{name}` must be of shape (rows,) or (rows, 1). Received: {name} of shape "
            f"{array.shape}"
        )
    flat: LabelArray = array
    return flat


def _as_label(value: Any, name: str) -> Any:
    if isinstance(value, bytes):
        value = value.decode()
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    elif np.shape(value) in ((), (1,)) and hasattr(value, "shape"):
        value = _as_label(as_array(value).reshape(-1)[0].item(), name)
    if value is None or isinstance(value, (int, str)):
        return value
    raise ValueError(
        f"`{name}` must be integers, strings or None. Received: {name} holding {value!r}"
    )


def _overflows(array: LabelArray) -> bool:
    return bool(array.size) and int(array.max()) > _INT64_MAX


def _pack(values: list[Any]) -> LabelArray:
    if values and all(type(x) is int and abs(x) <= _INT64_MAX for x in values):
        return np.array(values, np.int64)
    array = np.empty(len(values), object)
    array[:] = values
    return array


def encode_labels(labels: LabelArray) -> dict[str, NDArray[Any]]:
    """Arrays from which `decode_labels` makes the labels again."""
    if labels.dtype != object:
        return {"labels": labels}
    (codes,) = factorize(labels)
    vocabulary = list(dict.fromkeys(value for value in labels.tolist() if value is not None))
    text = json.dumps(vocabulary).encode()
    return {"label_codes": codes, "label_names": np.frombuffer(text, np.uint8)}


def decode_labels(arrays: dict[str, NDArray[Any]]) -> LabelArray:
    """The labels that `encode_labels` was given."""
    if "labels" in arrays:
        return as_labels(arrays["labels"], None)
    names = [*json.loads(arrays["label_names"].tobytes()), None]
    return as_labels([names[code] for code in arrays["label_codes"].tolist()], None)
