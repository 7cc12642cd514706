"""What the streaming measures of verification share: two histograms."""

from abc import ABC, abstractmethod
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_metric.losses._arguments import number
from keras_metric.metrics._arguments import one_a_row, row_weights, same_length, wide_dtype

# A value beyond the range by less than this share of a bin counts as at its end.
_ROUNDING = 0.01


class VerificationMetric(keras.metrics.Metric, ABC):
    """A measure of same or different, read from histograms of the values of pairs.

    Pairs stream by, so their distances are not kept but counted, those of same and those of
    different pairs apart, in `bins` equal bins of `value_range`. The thresholds are the edges
    of the bins. A measure is exact if no bin holds pairs of both kinds; otherwise it is as far
    off as its own description says, at the most. What lies outside of `value_range` is counted
    too, so the range need only contain the threshold in question: the result is NaN if it does
    not, if a value was NaN, or as long as pairs of one kind are missing.

    The arguments are those of every subclass:

    Args:
        higher_is_similar: Whether the model puts out scores, larger meaning closer, instead of
            distances.
        value_range: Smallest and largest value. Default: `(0, 2)` for distances, where both
            Euclidean and cosine distances of unit vectors are; `(-1, 1)` for scores, where
            probabilities and cosines are. For logits give, say, `(-20, 20)`.
        bins: How many bins; the default makes them 0.001 wide in a default range.
        name: Name of the metric.
        dtype: Dtype of the counts, widened to at least 32 bits.

    Call arguments:
        y_true: Whether each pair is of one class, 1 or 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Distance or score of each pair, of the same shape or the other of the two.
        sample_weight: Weight of each pair, of one of these shapes. Keras passes it to what
            stands in `weighted_metrics=`.

    Raises:
        ValueError: The range is empty or infinite, there is less than one bin, or shapes do
            not fit.
    """

    def __init__(
        self,
        higher_is_similar: bool = False,
        value_range: tuple[float, float] | None = None,
        bins: int = 2000,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=wide_dtype(dtype))
        self.higher_is_similar = bool(higher_is_similar)
        if value_range is None:
            value_range = (-1.0, 1.0) if self.higher_is_similar else (0.0, 2.0)
        low, high = (number("value_range", end) for end in value_range)
        if not low < high:
            raise ValueError(
                "`value_range` must be a smaller and a larger number. "
                f"Received: value_range={value_range!r}"
            )
        if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
            raise ValueError(f"`bins` must be an integer of at least 1. Received: bins={bins!r}")
        self.value_range = (low, high)
        self.bins = int(bins)
        # Of each kind: nearer than the range, the bins, farther than the range, NaN.
        self.counts = self.add_variable((2, self.bins + 3), "zeros", self.dtype, name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of pairs; see the class."""
        values = ops.cast(ops.stop_gradient(one_a_row(y_pred, "y_pred")), self.dtype)
        is_same = ops.cast(one_a_row(y_true, "y_true"), self.dtype) > 0.5
        same_length(is_same, values, "y_true and y_pred")
        weights = row_weights(sample_weight, values, self.dtype)
        size = self.bins + 3
        segments = self._bin(values) + ops.where(is_same, size, 0)
        counts = ops.segment_sum(weights, segments, num_segments=2 * size)
        self.counts.assign(self.counts + ops.reshape(counts, (2, size)))

    def result(self) -> Any:
        """Return the measure, a scalar."""
        return self._point()[0]

    def threshold(self) -> Any:
        """Return the distance or score at which `result()` is reached, a scalar.

        Accepted are distances up to it, or scores from it on. Infinite where nothing or
        everything must be accepted.
        """
        position = self._point()[1]
        low, high = self.value_range
        width = (high - low) / self.bins
        return high - position * width if self.higher_is_similar else low + position * width

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        return {
            **super().get_config(),
            "higher_is_similar": self.higher_is_similar,
            "value_range": list(self.value_range),
            "bins": self.bins,
        }

    @abstractmethod
    def _measure(self, far: Any, tar: Any) -> tuple[Any, Any, Any]:
        """Return the measure, the edge where it is reached, and whether that is certain.

        Args:
            far: False acceptance rates at the edges, `(bins + 3,)`: 0 at edge 0, which accepts
                nothing; 1 at the last, which accepts everything.
            tar: True acceptance rates there.
        """

    def _bin(self, values: Any) -> Any:
        low, high = self.value_range
        farther = high - values if self.higher_is_similar else values - low
        position = farther * (self.bins / (high - low))
        # A bin holds its farther edge, since a distance at the threshold is accepted.
        found = ops.clip(ops.ceil(position), 1, self.bins)
        found = ops.where(position < -_ROUNDING, 0.0, found)
        found = ops.where(position > self.bins + _ROUNDING, self.bins + 1.0, found)
        found = ops.where(ops.isnan(position), self.bins + 2.0, found)
        return ops.cast(found, "int32")

    def _point(self) -> tuple[Any, Any]:
        counts = ops.cumsum(ops.convert_to_tensor(self.counts)[:, :-1], axis=1)
        counts = ops.concatenate([ops.zeros_like(counts[:, :1]), counts], axis=1)
        totals = counts[:, -1:]
        far, tar = ops.unstack(counts / ops.where(totals > 0, totals, 1.0), 2, axis=0)
        value, edge, is_certain = self._measure(far, tar)
        is_known = ops.logical_and(ops.all(totals > 0), ops.all(self.counts[:, -1] == 0))
        is_known = ops.logical_and(is_known, is_certain)
        # Edge 1 is the near end of the range, edge `bins + 1` the far one.
        position = ops.cast(edge, self.dtype) - 1.0
        position = ops.where(position < 0, -float("inf"), position)
        position = ops.where(position > self.bins, float("inf"), position)
        return tuple(ops.where(is_known, number, float("nan")) for number in (value, position))

    def _is_certain(self, bin_number: Any) -> Any:
        """Whether what is unknown about the order within a bin is small, or does not matter."""
        is_inside = ops.logical_and(bin_number >= 1, bin_number <= self.bins)
        return ops.logical_or(is_inside, ops.logical_not(ops.take(self._is_mixed(), bin_number)))

    def _is_mixed(self) -> Any:
        """Whether each bin holds pairs of both kinds, `(bins + 3,)`."""
        return ops.min(ops.convert_to_tensor(self.counts), axis=0) > 0
