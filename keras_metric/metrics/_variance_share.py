"""Whether embeddings use their dimensions."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses._loss import check_embeddings
from keras_metric.metrics._arguments import row_weights, same_length, wide_dtype

# Variance below this share of the mean square is rounding.
_ROUNDING = 1e-6


@keras.saving.register_keras_serializable(package="keras_metric")
class VarianceShare(keras.metrics.Metric):
    """Share of the embeddings' variance in their first principal components: tells a collapse.

    The largest eigenvalues of the covariance of all rows so far, over the sum of all of them.
    Embeddings that spread evenly over `dim` dimensions give `components / dim`; near 1 they lie
    on a line (for one component), and are 1 if they are one point. Labels are not looked at.

    Reference: [Jing et al., 2022](https://arxiv.org/abs/2110.09348), on collapse.

    Args:
        components: How many components.
        name: Name of the metric.
        dtype: Dtype of the sums, widened to at least 32 bits.

    Call arguments:
        y_true: Not used.
        y_pred: Embeddings, shape `(batch, dim)`.
        sample_weight: Weight of each row, shape `(batch,)`. Keras passes it to what stands in
            `weighted_metrics=`.

    Raises:
        ValueError: `components` is no integer of at least 1, `y_pred` is not of rank 2 with a
            known `dim`, or `dim` changes.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> metric = VarianceShare()
        >>> square = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
        >>> metric.update_state(np.zeros(4), square)
        >>> round(float(metric.result()), 4)
        0.5
    """

    def __init__(
        self, components: int = 1, name: str | None = "variance_share", dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=wide_dtype(dtype))
        if isinstance(components, bool) or not isinstance(components, int) or components < 1:
            raise ValueError(
                "`components` must be an integer of at least 1. "
                f"Received: components={components!r}"
            )
        self.components = components
        self.dim: int | None = None
        self.count = self.add_variable((), "zeros", self.dtype, name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; see the class."""
        rows = ops.stop_gradient(ops.cast(check_embeddings(y_pred, 2), self.dtype))
        self._build(rows.shape[1])
        weights = row_weights(sample_weight, rows[:, 0], self.dtype)
        same_length(weights, rows, "sample_weight and y_pred")
        weighted = rows * ops.expand_dims(weights, 1)
        self.count.assign(self.count + ops.sum(weights))
        self.sums.assign(self.sums + ops.sum(weighted, axis=0))
        self.products.assign(self.products + ops.matmul(ops.transpose(weighted), rows))

    def result(self) -> Any:
        """Return the share, a scalar; NaN as long as no row has been seen."""
        if self.dim is None:
            return ops.convert_to_tensor(float("nan"), self.dtype)
        count = ops.convert_to_tensor(self.count)
        number = ops.where(count > 0, count, 1.0)
        mean = ops.expand_dims(ops.convert_to_tensor(self.sums) / number, 1)
        square = ops.convert_to_tensor(self.products) / number
        covariance = square - ops.matmul(mean, ops.transpose(mean))
        variances = ops.maximum(ops.linalg.eigh(covariance)[0], 0.0)  # ascending
        total = ops.sum(variances)
        is_point = total <= _ROUNDING * ops.trace(square)
        share = ops.sum(variances[-self.components :]) / ops.where(is_point, 1.0, total)
        return ops.where(count > 0, ops.where(is_point, 1.0, share), float("nan"))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        return {**super().get_config(), "components": self.components}

    def _build(self, dim: int | None) -> None:
        """Make the sums, whose size the first batch tells."""
        if self.dim is None and dim is not None:
            self.dim = dim
            self.sums = self.add_variable((dim,), "zeros", self.dtype, name="sums")
            self.products = self.add_variable((dim, dim), "zeros", self.dtype, name="products")
        if dim is None or dim != self.dim:
            raise ValueError(
                f"Embeddings must have a dimension that is known and stays. Received: {dim} "
                f"dimensions after {self.dim}"
            )
