"""The true acceptance rate at a false acceptance rate, streaming."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses._arguments import between
from keras_metric.metrics._verification_metric import VerificationMetric


@keras.saving.register_keras_serializable(package="keras_metric")
class TrueAcceptRate(VerificationMetric):
    """The share of same pairs accepted while at most `at_far` of the different ones are.

    `keras_metric.metrics.true_accept_rate` of all pairs so far, from histograms. It is never
    too high, and too low by no more than the share of same pairs in the bin where the false
    acceptances become too many. With fewer than `1 / at_far` different pairs no false
    acceptance at all is allowed. Higher is better: `mode="max"` for callbacks.

    Reference: [Maze et al., 2018](https://doi.org/10.1109/ICB2018.2018.00033) (IJB-C, "1:1
    verification").

    Args:
        at_far: Largest false acceptance rate, at least 0 and less than 1.
        higher_is_similar: Whether the model puts out scores, larger meaning closer, instead of
            distances.
        value_range: Smallest and largest value; see `VerificationMetric`. Default: `(0, 2)`
            for distances, `(-1, 1)` for scores.
        bins: How many bins.
        name: Name of the metric. Default: with the rate, as `"tar_at_far_0.001"`.
        dtype: Dtype of the counts, widened to at least 32 bits.

    Call arguments:
        y_true: Whether each pair is of one class, 1 or 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Distance or score of each pair.
        sample_weight: Weight of each pair; Keras passes it to what stands in
            `weighted_metrics=`.

    Raises:
        ValueError: As `VerificationMetric`, or `at_far` is not a rate below 1.

    Example:
        >>> metric = TrueAcceptRate(at_far=0.1)
        >>> metric.update_state([1, 1, 0, 1, 0], [0.15, 0.25, 0.35, 0.45, 0.55])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    def __init__(
        self,
        at_far: float = 1e-3,
        higher_is_similar: bool = False,
        value_range: tuple[float, float] | None = None,
        bins: int = 2000,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        at_far = between("at_far", at_far, 0, 1)
        if at_far == 1:
            raise ValueError(f"`at_far` must be less than 1. Received: at_far={at_far!r}")
        name = name or f"tar_at_far_{at_far:g}"
        super().__init__(higher_is_similar, value_range, bins, name, dtype)
        self.at_far = at_far

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        return {**super().get_config(), "at_far": self.at_far}

    def _measure(self, far: Any, tar: Any) -> tuple[Any, Any, Any]:
        edge = ops.sum(ops.cast(far <= self.at_far, "int32")) - 1
        return ops.take(tar, edge), edge, self._is_certain(edge)
