"""Distances by name."""

import difflib
from collections.abc import Callable
from typing import Any

import keras

from keras_metric.distances._callable import CallableDistance
from keras_metric.distances._cosine import ArcDistance, CosineDistance
from keras_metric.distances._distance import Distance
from keras_metric.distances._dot_product import DotProductDistance
from keras_metric.distances._euclidean import EuclideanDistance, SquaredEuclideanDistance
from keras_metric.distances._manhattan import ManhattanDistance
from keras_metric.distances._snr import SignalToNoiseDistance

_DISTANCES: dict[str, type[Distance]] = {
    "euclidean": EuclideanDistance,
    "L2": EuclideanDistance,
    "squared_euclidean": SquaredEuclideanDistance,
    "squared-L2": SquaredEuclideanDistance,
    "cosine": CosineDistance,
    "angular": CosineDistance,
    "arc": ArcDistance,
    "manhattan": ManhattanDistance,
    "L1": ManhattanDistance,
    "dot_product": DotProductDistance,
    "snr": SignalToNoiseDistance,
}


def names() -> list[str]:
    """Every name that `get` knows."""
    return list(_DISTANCES)


def get(identifier: str | Distance | dict[str, Any] | Callable[..., Any]) -> Distance:
    """Return the distance that a name, an object, its configuration or a function stands for.

    Args:
        identifier: One of `names()`; a `Distance`, returned as it is; what `serialize`
            gave; or a function of pairwise distances (see `CallableDistance`).

    Raises:
        ValueError: No distance has that name; the message lists those that do.
        TypeError: `identifier` is none of the above.

    Example:
        >>> get("L2")
        EuclideanDistance()
    """
    if isinstance(identifier, Distance):
        return identifier
    if isinstance(identifier, dict):
        return get(keras.saving.deserialize_keras_object(identifier))
    if isinstance(identifier, str):
        return _by_name(identifier)
    if callable(identifier) and not isinstance(identifier, type):
        return CallableDistance(identifier)
    raise TypeError(
        "A distance is a name, a Distance object or a function of pairwise distances. "
        f"Received: distance={identifier!r}"
    )


def serialize(distance: Distance) -> str | dict[str, Any]:
    """Return what `get` turns back into `distance`: its name if it is a standard one."""
    for name, known in _DISTANCES.items():
        if type(distance) is known and not distance.get_config():
            return name
    config: dict[str, Any] = keras.saving.serialize_keras_object(distance)
    return config


def _by_name(name: str) -> Distance:
    if name in _DISTANCES:
        return _DISTANCES[name]()
    lower = {known.lower(): known for known in _DISTANCES}
    nearest = difflib.get_close_matches(name.lower(), list(lower), n=1)
    hint = f" Did you mean {lower[nearest[0]]!r}?" if nearest else ""
    known = ", ".join(repr(known) for known in _DISTANCES)
    raise ValueError(f"Unknown distance; known are {known}.{hint} Received: distance={name!r}")
