"""Histograms of pairs, and the loss on two of them."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances import CosineDistance
from keras_metric.losses._labelled_batch import LabelledBatch, LabelledBatchLoss
from keras_metric.losses._masked import masked_count, masked_sum


def check_bins(num_bins: Any) -> int:
    """Return `num_bins` if it is a positive integer."""
    if isinstance(num_bins, bool) or not isinstance(num_bins, int) or num_bins < 1:
        raise ValueError(f"num_bins must be a positive integer. Received: num_bins={num_bins!r}")
    return num_bins


def bin_of(position: Any, num_bins: int) -> tuple[Any, Any]:
    """Bin of each `position` (in bins from the left), and how far it is through that bin.

    Positions outside lie on the outer edges.
    """
    position = ops.clip(position, 0.0, float(num_bins))
    lower = ops.minimum(ops.floor(ops.stop_gradient(position)), float(num_bins - 1))
    return ops.cast(lower, "int32"), position - lower


@keras.saving.register_keras_serializable(package="keras_metric")
class HistogramLoss(LabelledBatchLoss):
    """Probability that a negative pair is more similar than a positive pair.

    `sum_r h_neg(r) sum_{q <= r} h_pos(q)`, where `h` are the histograms of the cosines of
    all positive and of all negative pairs; a cosine between two bin edges counts for both
    in proportion. What is averaged: all negative pairs, so that an anchor's value is its
    negatives' part. No margin: the histograms give the scale; no `miner`: they stand for
    all pairs that there are. Defaults are pytorch-metric-learning's, which takes pairs
    without order.

    Reference: [Ustinova and Lempitsky, 2016](https://arxiv.org/abs/1611.00822), equation 5.

    Args:
        num_bins: Number of bins of the cosines, from -1 to 1.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: `num_bins` is not a positive integer.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> # Edges -1, 0, 1. The positive pair is at 0; negatives at 0 and 1 are not below.
        >>> float(HistogramLoss(num_bins=2)(np.array([0, 0, 1]), x))
        1.0
    """

    def __init__(
        self, num_bins: int = 100, name: str | None = "histogram_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_bins = check_bins(num_bins)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's sum over its negatives, and their number."""
        distances = batch.pairwise(CosineDistance())
        lower, share = bin_of((2.0 - distances) * (0.5 * self.num_bins), self.num_bins)
        below = self._cumulative(lower, share, batch.is_positive)
        step = ops.concatenate([below[1:] - below[:-1], ops.zeros_like(below[:1])])
        values = ops.take(below, lower) + share * ops.take(step, lower)
        counts = masked_count(batch.is_negative, distances.dtype)
        has_positive = ops.any(batch.is_positive)
        return masked_sum(values, batch.is_negative), ops.where(has_positive, counts, 0.0)

    def _cumulative(self, lower: Any, share: Any, mask: Any) -> Any:
        """Share of the picked pairs up to each edge, shape `(num_bins + 1,)`."""
        outside = self.num_bins + 1  # where pairs go that are not picked
        lower = ops.reshape(ops.where(mask, lower, outside), (-1,))
        share, size = ops.reshape(share, (-1,)), self.num_bins + 2
        kept = ops.segment_sum(1.0 - share, lower, num_segments=size)[:-1]
        handed_up = ops.segment_sum(share, lower, num_segments=size)[:-1]
        total = ops.sum(kept) + ops.sum(handed_up)
        histogram = kept + ops.concatenate([ops.zeros_like(kept[:1]), handed_up[:-1]])
        return ops.divide_no_nan(ops.cumsum(histogram), total)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "num_bins": self.num_bins}
