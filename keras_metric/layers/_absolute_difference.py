"""The absolute difference of two embeddings."""

from typing import Any

import keras
from keras import ops

from keras_metric.layers._tuple_layer import PairLayer


@keras.saving.register_keras_serializable(package="keras_metric")
class AbsoluteDifference(PairLayer):
    """`|a - b|`, dimension by dimension: what the first siamese heads weigh.

    Reference: [Koch et al., 2015](https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf),
    section 3.1.

    Args:
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: a list of two, `(batch, dim)` each.

    Output shape: `(batch, dim)`.

    Raises:
        ValueError: There are not two inputs of one shape.

    Example:
        >>> import numpy as np
        >>> a, b = np.array([[1.0, 5.0]], "float32"), np.array([[4.0, 3.0]], "float32")
        >>> np.asarray(AbsoluteDifference()([a, b])).tolist()
        [[3.0, 2.0]]
    """

    def combine(self, *embeddings: Any) -> Any:
        """Return the differences."""
        a, b = embeddings
        return ops.abs(a - b)

    def combined_size(self, size: int) -> int:
        """Return `size`."""
        return size
