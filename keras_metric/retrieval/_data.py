"""What a user hangs on a row: checked when it comes, stored as arrays and JSON.

A row's data is None, a bool, number, string, bytes, an array, or a list, tuple or dict with
string keys of these. Arrays and bytes go into one blob; the rest is a JSON tree that refers
to it. Nothing is pickled.
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import as_array

_PLAIN = (bool, int, float, str, type(None))
_KINDS = "biufcSUmM"


def as_data(data: Any, count: int) -> list[Any]:
    """One entry a row; arrays and tensors are split along their first axis.

    Raises:
        ValueError: Of another length, or a row holds something that cannot be stored.
    """
    if data is None:
        return [None] * count
    if not isinstance(data, (list, tuple)):
        data = as_array(data)
        if data.ndim == 0:
            raise ValueError(f"`data` must have one entry a row, {count}. Received: one scalar")
    if len(data) != count:
        raise ValueError(
            f"`data` must have one entry a row, {count}. Received: data of length {len(data)}"
        )
    return [as_entry(row) for row in data]


def as_entry(value: Any) -> Any:
    """One row's data, its tensors made arrays.

    Raises:
        ValueError: It holds something that cannot be stored.
    """
    if isinstance(value, np.generic):
        return value.item() if value.dtype.kind in "biufSU" else np.asarray(value)
    if isinstance(value, (*_PLAIN, bytes)):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(map(as_entry, value)) if type(value) in (list, tuple) else _refuse(value)
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: as_entry(entry) for key, entry in value.items()}
        _refuse(value)
    array = as_array(value)
    return array if array.dtype.kind in _KINDS else _refuse(value)


def encode(rows: list[Any]) -> dict[str, NDArray[Any]]:
    """Arrays from which `decode` makes the rows again."""
    if all(row is None for row in rows):
        return {}
    first = rows[0]
    if all(
        isinstance(row, np.ndarray) and row.shape == first.shape and row.dtype == first.dtype
        for row in rows
    ):
        return {"data": np.stack(rows)}
    blob = bytearray()
    tree = json.dumps([_encode(row, blob) for row in rows])
    return {
        "data_tree": np.frombuffer(tree.encode(), np.uint8),
        "data_blob": np.frombuffer(bytes(blob), np.uint8),
    }


def decode(arrays: dict[str, NDArray[Any]], count: int) -> list[Any]:
    """The rows that `encode` was given."""
    if "data" in arrays:
        return list(arrays["data"])
    if "data_tree" not in arrays:
        return [None] * count
    blob = arrays["data_blob"].tobytes()
    return [_decode(node, blob) for node in json.loads(arrays["data_tree"].tobytes())]


def _encode(value: Any, blob: bytearray) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list):
        return [_encode(entry, blob) for entry in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode(entry, blob) for entry in value]}
    if isinstance(value, dict):
        return {"dict": {key: _encode(entry, blob) for key, entry in value.items()}}
    if isinstance(value, np.ndarray):
        node = {"array": [value.dtype.str, list(value.shape), len(blob), value.nbytes]}
        value = value.tobytes()
    else:
        node = {"bytes": [len(blob), len(value)]}
    blob += value
    return node


def _decode(node: Any, blob: bytes) -> Any:
    if isinstance(node, list):
        return [_decode(entry, blob) for entry in node]
    if not isinstance(node, dict):
        return node
    ((kind, value),) = node.items()
    if kind == "tuple":
        return tuple(_decode(entry, blob) for entry in value)
    if kind == "dict":
        return {key: _decode(entry, blob) for key, entry in value.items()}
    if kind == "bytes":
        return blob[value[0] : value[0] + value[1]]
    dtype, shape, start, size = value
    return np.frombuffer(blob[start : start + size], np.dtype(dtype)).reshape(shape).copy()


def _refuse(value: Any) -> Any:
    raise ValueError(
        "`data` must hold None, numbers, strings, bytes, arrays, and lists, tuples or dicts "
        f"with string keys of these. Received: data holding {type(value).__name__}"
    )
