"""What the metrics of a labelled batch share."""

from abc import ABC, abstractmethod
from typing import Any

import keras
from keras import ops

from keras_metric.losses._labelled_batch import LabelledBatch, as_batch, checked
from keras_metric.metrics._arguments import row_weights, wide_dtype


class LabelledBatchMetric(keras.metrics.Metric, ABC):
    """A mean over the anchors of batches of embeddings with class labels.

    For `compile(metrics=[...])` beside a loss that forms its pairs inside the batch. Only rows
    of one batch are compared, so the values depend on what batches hold: follow them over
    epochs, and compare runs with batches of one kind alone. A subclass implements `terms`.

    Args:
        name: Name of the metric.
        dtype: Dtype of the sums, widened to at least 32 bits.

    Call arguments (of every subclass):
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`.
        y_pred: Embeddings, shape `(batch, dim)`.
        sample_weight: Weight of each anchor, shape `(batch,)`: 0 removes it as an anchor, not
            as another's partner. Keras passes it to what stands in `weighted_metrics=`.

    Raises:
        ValueError: `y_pred` is not of rank 2, or there is not one label, or weight, a row.
        TypeError: `y_pred` is not floating point.
    """

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=wide_dtype(dtype))
        self.total = self.add_variable((), "zeros", self.dtype, name="total")
        self.count = self.add_variable((), "zeros", self.dtype, name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; see the class."""
        targets, outputs = checked(y_true, y_pred)
        outputs["embeddings"] = ops.stop_gradient(ops.cast(outputs["embeddings"], self.dtype))
        sums, counts = self.terms(as_batch(targets, outputs))
        weights = row_weights(sample_weight, sums, self.dtype)
        counts = ops.cast(counts, self.dtype) * weights
        # Where nothing counts, a sum may be anything.
        sums = ops.where(counts > 0, ops.cast(sums, self.dtype) * weights, 0.0)
        self.total.assign(self.total + ops.sum(sums))
        self.count.assign(self.count + ops.sum(counts))

    def result(self) -> Any:
        """Return the mean of all batches, a scalar; NaN as long as nothing counted."""
        count = ops.convert_to_tensor(self.count)
        mean = ops.divide_no_nan(ops.convert_to_tensor(self.total), count)
        return ops.where(count > 0, mean, float("nan"))

    @abstractmethod
    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return what each anchor adds and of how many terms, both of shape `(batch,)`."""
