"""How far the pairs of a batch are from each other."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric._names import unknown_name
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count, masked_max, masked_min, masked_sum
from keras_metric.metrics._labelled_batch_metric import LabelledBatchMetric

_OF = ("mean", "min", "max")


class _BatchDistance(LabelledBatchMetric):
    """Distances of anchors to one kind of partner."""

    _default_name: str

    def __init__(
        self, of: str = "mean", distance: Any = "L2", name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name or self._default_name, dtype)
        if of not in _OF:
            raise unknown_name("choice", "of", of, _OF)
        self.of = of
        self.distance = distances.get(distance)

    def _over(self, batch: LabelledBatch, is_partner: Any) -> tuple[Any, Any]:
        matrix = batch.pairwise(self.distance)
        if self.of == "mean":
            return masked_sum(matrix, is_partner), masked_count(is_partner, matrix.dtype)
        return (masked_min if self.of == "min" else masked_max)(matrix, is_partner)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        own = {"of": self.of, "distance": distances.serialize(self.distance)}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="keras_metric")
class PositiveDistance(_BatchDistance):
    """Mean distance of rows of one class, within a batch.

    With `of="max"` that of each anchor to its farthest positive, with `"min"` to its nearest,
    averaged over the anchors that have one.

    Args:
        of: `"mean"`, over all pairs; `"min"` or `"max"`, of each anchor.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        name: Name of the metric.
        dtype: Dtype of the sums, widened to at least 32 bits.

    Call arguments: those of `LabelledBatchMetric`.

    Raises:
        ValueError: `of` or the distance is unknown, and as `LabelledBatchMetric`.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [9.0]])
        >>> metric = PositiveDistance("max")
        >>> metric.update_state(np.array([0, 0, 0, 1]), x)  # 3, 2 and 3; the last has none
        >>> round(float(metric.result()), 4)
        2.6667
    """

    _default_name = "positive_distance"

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's distances to positives and their number."""
        return self._over(batch, batch.is_positive)


@keras.saving.register_keras_serializable(package="keras_metric")
class NegativeDistance(_BatchDistance):
    """Mean distance of rows of different classes, within a batch.

    With `of="min"` that of each anchor to its nearest negative, with `"max"` to its farthest,
    averaged over the anchors that have one. A mean that falls towards 0 while the loss stays at
    its margin tells of a collapse.

    Args:
        of: `"mean"`, over all pairs; `"min"` or `"max"`, of each anchor.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        name: Name of the metric.
        dtype: Dtype of the sums, widened to at least 32 bits.

    Call arguments: those of `LabelledBatchMetric`.

    Raises:
        ValueError: `of` or the distance is unknown, and as `LabelledBatchMetric`.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0]])
        >>> metric = NegativeDistance("min")
        >>> metric.update_state(np.array([0, 0, 1]), x)  # 3, 2 and 2
        >>> round(float(metric.result()), 4)
        2.3333
    """

    _default_name = "negative_distance"

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's distances to negatives and their number."""
        return self._over(batch, batch.is_negative)


@keras.saving.register_keras_serializable(package="keras_metric")
class MeanEmbeddingNorm(LabelledBatchMetric):
    """Mean Euclidean length of the embeddings.

    It is 1 for a network that ends in a normalization. For others it shows whether embeddings
    grow without bound, or shrink to nothing.

    Args:
        name: Name of the metric.
        dtype: Dtype of the sums, widened to at least 32 bits.

    Call arguments: those of `LabelledBatchMetric`.

    Raises:
        ValueError: As `LabelledBatchMetric`.

    Example:
        >>> import numpy as np
        >>> metric = MeanEmbeddingNorm()
        >>> metric.update_state(np.array([0, 1]), np.array([[3.0, 4.0], [0.0, 1.0]]))
        >>> float(metric.result())
        3.0
    """

    def __init__(self, name: str | None = "mean_embedding_norm", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each row's length, and one."""
        norms = ops.sqrt(ops.sum(ops.square(batch.embeddings), axis=1))
        return norms, ops.ones_like(norms)
