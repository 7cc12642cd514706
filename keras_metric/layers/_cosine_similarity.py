"""The cosine of two embeddings."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import as_float, unit
from keras_metric.layers._tuple_layer import PairLayer


@keras.saving.register_keras_serializable(package="keras_metric")
class CosineSimilarity(PairLayer):
    """`a . b / (|a| |b|)`, row by row: 1 for one direction, -1 for opposite ones.

    An embedding of zeros has no direction: its similarity and its gradient are 0.

    Args:
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: a list of two, `(batch, dim)` each.

    Output shape: `(batch, 1)`, float32 or wider.

    Raises:
        ValueError: There are not two inputs of one shape.

    Example:
        >>> import numpy as np
        >>> a, b = np.array([[1.0, 0.0]], "float32"), np.array([[3.0, 4.0]], "float32")
        >>> print(f"{float(CosineSimilarity()([a, b])[0, 0]):.3f}")
        0.600
    """

    def combine(self, *embeddings: Any) -> Any:
        """Return the cosines."""
        a, b = (unit(as_float(x, name)) for x, name in zip(embeddings, self.roles, strict=True))
        return ops.sum(a * b, axis=-1, keepdims=True)

    def combined_size(self, size: int) -> int:
        """Return 1."""
        return 1
