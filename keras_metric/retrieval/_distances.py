"""The distances a search knows: their names, and their values between rows."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_metric import distances
from keras_metric.retrieval._arrays import FloatArray

DISTANCES = ("cosine", "euclidean", "squared_euclidean", "dot_product", "manhattan")

_ALIASES = {
    "angular": "cosine",  # TFA's name of 1 - cosine
    "l2": "euclidean",
    "squared_l2": "squared_euclidean",
    "sql2": "squared_euclidean",
    "sqeuclidean": "squared_euclidean",
    "inner_product": "dot_product",
    "ip": "dot_product",
    "dot": "dot_product",
    "l1": "manhattan",
    "taxicab": "manhattan",
}


def distance_name(distance: Any) -> str:
    """The one name of a distance given as a name, an alias, or a distance object.

    Raises:
        ValueError: A search does not know this distance.
    """
    if isinstance(distance, distances.Distance):
        distance = distances.serialize(distance)
    name = distance if isinstance(distance, str) else getattr(distance, "name", None)
    key = str(name).lower().replace("-", "_").replace(" ", "_")
    key = _ALIASES.get(key, key)
    if key not in DISTANCES:
        known = ", ".join(DISTANCES)
        raise ValueError(f"`distance` must be one of {known}. Received: distance={distance!r}")
    return key


def normalize(x: FloatArray) -> FloatArray:
    """Rows of length 1; a zero row stays zero, and so has cosine distance 1 to every row."""
    largest = np.abs(x).max(axis=1, keepdims=True)
    scaled = x / np.where(largest > 0, largest, 1)  # squares of tiny or huge values survive
    length = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    return scaled / np.where(length > 0, length, 1)


def paired_distances(a: FloatArray, b: FloatArray, distance: str) -> FloatArray:
    """Distances along the last axis of two arrays that broadcast.

    Squares are of differences, never expanded, so equal rows are at exactly 0.
    """
    return _PAIRED[distance](a, b)


def _cosine(a: FloatArray, b: FloatArray) -> FloatArray:
    flat = [normalize(x.reshape(-1, x.shape[-1])).reshape(x.shape) for x in (a, b)]
    gap = flat[0] - flat[1]
    # |a - b|^2 / 2 = 1 - cos for rows of length 1, and is exactly 0 for equal ones.
    half = np.einsum("...i,...i->...", gap, gap) / 2
    one_is_zero = ~(flat[0].any(axis=-1) & flat[1].any(axis=-1))
    return np.where(one_is_zero, np.asarray(1, half.dtype), half)


def _squared(a: FloatArray, b: FloatArray) -> FloatArray:
    gap = a - b
    return np.einsum("...i,...i->...", gap, gap)


_PAIRED: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "cosine": _cosine,
    "squared_euclidean": _squared,
    "euclidean": lambda a, b: np.sqrt(_squared(a, b)),
    "dot_product": lambda a, b: -np.einsum("...i,...i->...", a, b),
    "manhattan": lambda a, b: np.abs(a - b).sum(axis=-1),
}
