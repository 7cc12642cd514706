"""The equal error rate, streaming."""

from typing import Any

import keras
from keras import ops

from keras_metric.metrics._verification_metric import VerificationMetric


@keras.saving.register_keras_serializable(package="keras_metric")
class EqualErrorRate(VerificationMetric):
    """The rate at which as many different pairs are accepted as same pairs are rejected.

    `keras_metric.metrics.equal_error_rate` of all pairs so far, from histograms. It is off by
    no more than the share of same pairs in the bin where the rates meet, nor by more than
    that of different pairs there. Lower is better: `mode="min"` for callbacks.

    The area under the ROC curve is Keras's own `keras.metrics.AUC`, for probabilities as they
    are and for logits with `from_logits=True`; a distance `d` within `(0, 2)` goes in as
    `1 - d / 2`.

    Args:
        higher_is_similar: Whether the model puts out scores, larger meaning closer, instead of
            distances.
        value_range: Smallest and largest value; see `VerificationMetric`. Default: `(0, 2)`
            for distances, `(-1, 1)` for scores.
        bins: How many bins.
        name: Name of the metric.
        dtype: Dtype of the counts, widened to at least 32 bits.

    Call arguments:
        y_true: Whether each pair is of one class, 1 or 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Distance or score of each pair.
        sample_weight: Weight of each pair; Keras passes it to what stands in
            `weighted_metrics=`.

    Raises:
        ValueError: As `VerificationMetric`.

    Example:
        >>> metric = EqualErrorRate()
        >>> metric.update_state([1, 1, 0, 0], [0.1, 0.6, 0.5, 0.9])
        >>> float(metric.result())
        0.5
        >>> auc = keras.metrics.AUC()
        >>> auc.update_state([1, 0], 1 - ops.array([0.1, 0.9]) / 2)
        >>> float(auc.result())
        1.0
    """

    def __init__(
        self,
        higher_is_similar: bool = False,
        value_range: tuple[float, float] | None = None,
        bins: int = 2000,
        name: str | None = "equal_error_rate",
        dtype: Any = None,
    ) -> None:
        super().__init__(higher_is_similar, value_range, bins, name, dtype)

    def _measure(self, far: Any, tar: Any) -> tuple[Any, Any, Any]:
        gap = far + tar - 1.0  # far - (1 - tar): grows from -1 to 1
        after = ops.minimum(ops.sum(ops.cast(gap < 0, "int32")), self.bins + 2)
        before = ops.maximum(after - 1, 0)
        far_0, far_1 = ops.take(far, before), ops.take(far, after)
        gap_0, gap_1 = ops.take(gap, before), ops.take(gap, after)
        share = ops.divide_no_nan(-gap_0, gap_1 - gap_0)
        is_certain = ops.logical_or(self._is_certain(before), gap_1 == 0)
        edge = ops.cast(before, self.dtype) + share
        return far_0 + share * (far_1 - far_0), edge, is_certain
