"""The `distance` argument, under our name or TFA's."""

from typing import Any

from keras_metric import distances
from keras_metric.distances import Distance


def one_distance(distance: Any, distance_metric: Any, default: str = "L2") -> Distance:
    """Return the distance given under either name, or the default."""
    if distance is not None and distance_metric is not None:
        raise ValueError(
            "distance and distance_metric are two names of one argument: give one. "
            f"Received: distance={distance!r}, distance_metric={distance_metric!r}"
        )
    given = distance if distance is not None else distance_metric
    return distances.get(default if given is None else given)
