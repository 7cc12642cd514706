"""Average precision from a histogram of distances."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances import CosineDistance
from keras_metric.losses._histogram import bin_of, check_bins
from keras_metric.losses._labelled_batch import LabelledBatch, LabelledBatchLoss
from keras_metric.losses._masked import masked_count, masked_sum


@keras.saving.register_keras_serializable(package="keras_metric")
class FastAPLoss(LabelledBatchLoss):
    """One minus the average precision of each anchor's ranking, by histograms.

    `1 - (1 / |P|) sum_l h_l H_l / T_l`: `h_l` positives in bin `l` of the squared
    distances (0 to 4, embeddings scaled to length 1), `H_l` positives and `T_l` pairs up
    to it; a distance between two bin centres counts for both in proportion. What is
    averaged: all anchors that have a positive. Large batches and few bins suit it; a `miner`
    does not, the ranking being that of the whole batch. Defaults are
    pytorch-metric-learning's.

    Reference: [Cakir et al., 2019](
    https://openaccess.thecvf.com/content_CVPR_2019/html/Cakir_Deep_Metric_Learning_to_Rank_CVPR_2019_paper.html),
    equation 8.

    Args:
        num_bins: Number of bins.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: `num_bins` is not a positive integer.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
        >>> # Distances 0 and 4. Anchor 0: the negative first, then the positive: 1 - 1/2.
        >>> # Anchor 1: both at 4, in one bin: 1 - 1/2.
        >>> float(FastAPLoss()(np.array([0, 0, 1]), x))
        0.5
    """

    def __init__(
        self, num_bins: int = 10, name: str | None = "fast_ap_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_bins = check_bins(num_bins)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return one minus each anchor's average precision, and whether it has one."""
        # |a - b|^2 of unit vectors is twice the cosine distance.
        position = batch.pairwise(CosineDistance()) * (self.num_bins / 2.0)
        fixed = ops.stop_gradient(position)
        takes_part = ops.logical_or(batch.is_positive, batch.is_negative)
        positives = self._histograms(fixed, batch.is_positive)
        precision, by_positive, by_any = _average_precision(
            positives, self._histograms(fixed, takes_part)
        )
        # Between two centres the value is linear in a distance: the histograms give each
        # pair's slope, and with it the gradient, without keeping a bin's matrix.
        lower, _ = bin_of(fixed, self.num_bins)
        slopes = ops.where(takes_part, ops.take_along_axis(by_any, lower, axis=1), 0.0)
        own = ops.take_along_axis(by_positive, lower, axis=1)
        slopes = slopes + ops.where(batch.is_positive, own, 0.0)
        sums = precision + ops.sum(ops.stop_gradient(slopes) * (position - fixed), axis=1)
        counts = masked_count(batch.is_positive, sums.dtype)
        value = 1.0 - ops.divide_no_nan(sums, counts)
        return ops.where(counts > 0, value, 0.0), counts > 0

    def _histograms(self, position: Any, mask: Any) -> Any:
        """Picked entries near each bin centre, shape `(batch, num_bins + 1)`."""
        centers = range(self.num_bins + 1)
        bins = [masked_sum(ops.relu(1.0 - ops.abs(position - i)), mask) for i in centers]
        return ops.stack(bins, axis=1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "num_bins": self.num_bins}


def _average_precision(positives: Any, pairs: Any) -> tuple[Any, Any, Any]:
    """Return `sum_l h_l H_l / T_l`, and its change as a positive or any pair moves up a bin."""
    to_here, all_to_here = ops.cumsum(positives, axis=1), ops.cumsum(pairs, axis=1)
    ratio = ops.divide_no_nan(to_here, all_to_here)
    terms = positives * ratio
    by_cumulative = ops.divide_no_nan(positives, all_to_here)
    loss_of_rank = ops.divide_no_nan(terms, all_to_here)
    # d/dh_m = H_m/T_m + sum_{l >= m} h_l/T_l, d/dt_m = -sum_{l >= m} h_l H_l / T_l^2: of
    # the sums only the term of bin m is left in the difference of neighbours.
    by_positive = ratio[:, 1:] - ratio[:, :-1] - by_cumulative[:, :-1]
    return ops.sum(terms, axis=1), by_positive, loss_of_rank[:, :-1]
