"""Pairs as every function here sees them: same or different, and how far apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def checked_pairs(
    same: Any, distances: Any, higher_is_similar: bool = False, both_kinds: bool = True
) -> tuple[NDArray[np.bool_], Floats]:
    """Return `same` as booleans and the values turned so that smaller means closer.

    Raises:
        ValueError: The shapes differ or are not `(pairs,)`, there is no pair, a value is not
            finite, `same` holds something else than 0 and 1, or, with `both_kinds`, all pairs
            are of one kind.
    """
    is_same, values = np.asarray(same), np.asarray(distances, dtype=np.float64)
    if is_same.ndim != 1 or is_same.shape != values.shape or not len(is_same):
        raise ValueError(
            "`same` and `distances` must both be of shape (pairs,), with at least one pair. "
            f"Received: shapes {is_same.shape} and {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("`distances` must be finite. Received: distances with NaN or infinity")
    if not np.isin(is_same, (0, 1)).all():
        raise ValueError("`same` must hold 0 and 1 only. Received: same with other values")
    is_same = is_same.astype(bool)
    if both_kinds and (is_same.all() or not is_same.any()):
        raise ValueError(
            "There must be pairs that are the same and pairs that are not. "
            f"Received: {int(is_same.sum())} of {len(is_same)} pairs the same"
        )
    return is_same, -values if higher_is_similar else values
