"""What comes from the user, checked once at the public boundary and made plain arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
IdArray = NDArray[np.int64]


def as_array(x: Any) -> NDArray[Any]:
    """`x` as a numpy array, whichever Keras backend made it."""
    if hasattr(x, "detach"):  # a PyTorch tensor: numpy knows neither its gradient nor its device
        x = x.detach().cpu()
        if "bfloat16" in str(x.dtype):
            x = x.float()
    return np.asarray(x)


def as_embeddings(
    x: Any, name: str = "embeddings", dim: int | None = None, keep_double: bool = False
) -> FloatArray:
    """Finite float32 rows, C-contiguous, of shape `(rows, dim)`.

    Args:
        x: Array or tensor of real numbers.
        name: How the caller calls it, for messages.
        dim: The only accepted width, or None.
        keep_double: float64 stays float64.

    Raises:
        ValueError: Not real numbers, not of rank 2, of another width, or not finite.
    """
    array = as_array(x)
    is_real = array.dtype.kind in "iuf" or array.dtype.name == "bfloat16"
    if not is_real:
        raise ValueError(
            f"`{name}` must hold real numbers. Received: {name} of dtype {array.dtype}"
        )
    if array.ndim != 2:
        raise ValueError(
            f"`{name}` must be of rank 2, (rows, dim). Received: {name} of shape {array.shape}"
        )
    if array.shape[1] == 0 or dim not in (None, array.shape[1]):
        expected = "at least 1 column" if dim is None else f"{dim} columns"
        raise ValueError(f"`{name}` must have {expected}. Received: {name} of shape {array.shape}")
    dtype = np.float64 if keep_double and array.dtype == np.float64 else np.float32
    with np.errstate(over="ignore", invalid="ignore"):
        array = np.ascontiguousarray(array, dtype)
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise ValueError(
            f"`{name}` must be finite in {np.dtype(dtype).name}, but {len(bad)} of {len(array)} "
            f"rows hold NaN or infinity. Received: {name} with the first such row {bad[0]}"
        )
    return array


def as_one_embedding(x: Any, dim: int) -> FloatArray:
    """One row of shape `(1, dim)` from `(dim,)` or `(1, dim)`."""
    array = as_array(x)
    rows = as_embeddings(array[None] if array.ndim == 1 else array, "prediction", dim)
    if len(rows) != 1:
        raise ValueError(
            f"`prediction` must be one embedding, (dim,) or (1, dim); the batch verbs take more. "
            f"Received: prediction of shape {array.shape}"
        )
    return rows


def as_ids(ids: Any, name: str = "ids") -> IdArray:
    """Distinct ids as a flat int64 array."""
    array = np.atleast_1d(as_array(ids))
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"`{name}` must be a flat list of integers. "
            f"Received: {name} of dtype {array.dtype} and shape {array.shape}"
        )
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"`{name}` must fit int64. Received: {name} up to {array.max()}")
    array = array.astype(np.int64)
    unique, counts = np.unique(array, return_counts=True)
    if len(unique) != len(array):
        repeated = unique[counts > 1][0]
        raise ValueError(f"`{name}` must be distinct. Received: {name} with {repeated} repeated")
    return array


def check_positive(value: Any, name: str = "k") -> int:
    """A whole number of at least 1."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or value < 1:
        raise ValueError(f"`{name}` must be an integer of at least 1. Received: {name}={value!r}")
    return int(value)


def check_choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in choices:
        known = ", ".join(choices)
        raise ValueError(f"`{name}` must be one of {known}. Received: {name}={value!r}")
    return value
