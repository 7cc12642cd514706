"""The distance of two embeddings as a layer."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric.layers._tuple_layer import PairLayer


@keras.saving.register_keras_serializable(package="keras_metric")
class PairwiseDistance(PairLayer):
    """Distance of the first embedding to the second, row by row.

    `d(a[i], b[i])`: the head of a siamese network that trains with `ContrastiveLoss`.

    Args:
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: a list of two, `(batch, dim)` each.

    Output shape: `(batch, 1)`, float32 or wider.

    Raises:
        ValueError: The distance is unknown, or there are not two inputs of one shape.

    Example:
        >>> import numpy as np
        >>> a, b = np.array([[0.0, 0.0]], "float32"), np.array([[3.0, 4.0]], "float32")
        >>> float(PairwiseDistance()([a, b])[0, 0])
        5.0
    """

    def __init__(self, distance: Any = "euclidean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.distance = distances.get(distance)

    def combine(self, *embeddings: Any) -> Any:
        """Return the distances."""
        return ops.expand_dims(self.distance.paired(*embeddings), -1)

    def combined_size(self, size: int) -> int:
        """Return 1."""
        return 1

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "distance": distances.serialize(self.distance)}
