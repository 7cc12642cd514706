"""The accuracy of the best threshold, streaming."""

from typing import Any

import keras
from keras import ops

from keras_metric.metrics._verification_metric import VerificationMetric


@keras.saving.register_keras_serializable(package="keras_metric")
class BestThresholdAccuracy(VerificationMetric):
    """Accuracy at the threshold that best separates same from different pairs.

    The accuracy of `keras_metric.metrics.best_threshold` of all pairs so far, from histograms:
    never too high, and too low by no more than half the share of same pairs that the fullest
    bin holds (if not `balanced`: its same pairs' share of all). `threshold()` is where it is
    reached. NaN unless no threshold outside of `value_range` can be better. The threshold is
    chosen on the very pairs that it judges, which flatters: for a figure to report see
    `cross_validated_accuracy`. Higher is better: `mode="max"` for callbacks.

    Args:
        balanced: Whether it is the mean of the shares of same pairs accepted and of different
            pairs rejected, instead of the share of pairs told right.
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
        >>> metric = BestThresholdAccuracy()
        >>> metric.update_state([1, 1, 0, 1, 0, 0], [0.1, 0.2, 0.4, 0.6, 0.7, 0.9])
        >>> round(float(metric.result()), 4), round(float(metric.threshold()), 2)
        (0.8333, 0.3)
    """

    def __init__(
        self,
        balanced: bool = True,
        higher_is_similar: bool = False,
        value_range: tuple[float, float] | None = None,
        bins: int = 2000,
        name: str | None = "best_threshold_accuracy",
        dtype: Any = None,
    ) -> None:
        super().__init__(higher_is_similar, value_range, bins, name, dtype)
        self.balanced = bool(balanced)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        return {**super().get_config(), "balanced": self.balanced}

    def _measure(self, far: Any, tar: Any) -> tuple[Any, Any, Any]:
        weight = 0.5 if self.balanced else self._share_of_same()
        accuracy = weight * tar + (1 - weight) * (1 - far)
        best = ops.argmax(accuracy)
        value = ops.take(accuracy, best)
        # As good as the best edge are those up to the next pair: take the middle.
        is_as_good = ops.logical_and(far <= ops.take(far, best), tar <= ops.take(tar, best))
        last = ops.sum(ops.cast(is_as_good, "int32")) - 1
        first = ops.cast(best, "int32")
        is_open = ops.logical_or(first == 0, last == self.bins + 2)
        middle = (ops.cast(first, self.dtype) + ops.cast(last, self.dtype)) / 2
        edge = ops.where(is_open, ops.cast(ops.where(first == 0, 0, first), self.dtype), middle)
        # A bin's same pairs may all be nearer than its different ones.
        attainable = weight * tar[1:] + (1 - weight) * (1 - far[:-1])
        is_outside = ops.logical_or(
            *(ops.arange(self.bins + 2) == end for end in (0, self.bins + 1))
        )
        is_open = ops.logical_and(is_outside, self._is_mixed()[:-1])
        return value, edge, ops.all(ops.where(is_open, attainable <= value, True))

    def _share_of_same(self) -> Any:
        totals = ops.sum(self.counts, axis=1)
        return ops.divide_no_nan(totals[1], ops.sum(totals))
