"""The two distances of a triplet as a layer."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric.layers._tuple_layer import TupleLayer


@keras.saving.register_keras_serializable(package="keras_metric")
class TripletDistances(TupleLayer):
    """Distances of anchors to their positives and to their negatives, side by side.

    `(d(anchor, positive), d(anchor, negative))`, as `TripletMarginLoss` takes them.

    Args:
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: a list of three, anchor, positive and negative, `(batch, dim)` each.

    Output shape: `(batch, 2)`, float32 or wider.

    Raises:
        ValueError: The distance is unknown, or there are not three inputs of one shape.

    Example:
        >>> import numpy as np
        >>> anchor, positive, negative = np.array([[[0.0]], [[1.0]], [[3.0]]], "float32")
        >>> np.asarray(TripletDistances()([anchor, positive, negative])).tolist()
        [[1.0, 3.0]]
    """

    roles = ("anchor", "positive", "negative")

    def __init__(self, distance: Any = "euclidean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.distance = distances.get(distance)

    def combine(self, *embeddings: Any) -> Any:
        """Return both distances."""
        anchor, positive, negative = embeddings
        to_positive = self.distance.paired(anchor, positive)
        return ops.stack([to_positive, self.distance.paired(anchor, negative)], axis=-1)

    def combined_size(self, size: int) -> int:
        """Return 2."""
        return 2

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "distance": distances.serialize(self.distance)}
