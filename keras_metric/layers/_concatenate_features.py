"""Two embeddings side by side."""

from typing import Any

import keras
from keras import ops

from keras_metric.layers._tuple_layer import PairLayer


@keras.saving.register_keras_serializable(package="keras_metric")
class ConcatenateFeatures(PairLayer):
    """`[a, b]`: both embeddings in one vector, for dense layers that compare them.

    Not symmetric: what follows may judge `(a, b)` and `(b, a)` differently.

    Args:
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: a list of two, `(batch, dim)` each.

    Output shape: `(batch, 2 * dim)`.

    Raises:
        ValueError: There are not two inputs of one shape.

    Example:
        >>> import numpy as np
        >>> a, b = np.array([[1.0]], "float32"), np.array([[2.0]], "float32")
        >>> np.asarray(ConcatenateFeatures()([a, b])).tolist()
        [[1.0, 2.0]]
    """

    def combine(self, *embeddings: Any) -> Any:
        """Return them joined."""
        return ops.concatenate(embeddings, axis=-1)

    def combined_size(self, size: int) -> int:
        """Return `2 * size`."""
        return 2 * size
