"""Average precision with smooth ranks."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count
from keras_metric.losses._pair_loss import PairLoss
from keras_metric.losses._ranks import sum_over_positives


@keras.saving.register_keras_serializable(package="keras_metric")
class SmoothAPLoss(PairLoss):
    """One minus the average precision of each anchor's ranking, with smooth ranks.

    `1 - (1 / |P|) sum_{i in P} R(i, P) / R(i, P + N)` with ranks `R(i, S) = 1 + sum_{j in
    S, j != i} sigmoid((s_j - s_i) / temperature)`. What is averaged: all anchors that have
    a positive. Classes may be of any size and in any order, where
    pytorch-metric-learning's wants sorted batches with as many classes as samples a class;
    it ranks the anchor itself too, which always comes first: here an anchor is never its
    own positive. The defaults are the same. In 32 bits the comparisons are
    interpolated where an anchor has more than 20 positives, right to 3e-6, while the
    similarities span at most 200 temperatures.

    Reference: [Brown et al., 2020](https://arxiv.org/abs/2007.12163), equation 6.

    Args:
        temperature: Width of the smooth comparison, in units of the similarity. Must be
            greater than 0.
        name: Name of the loss.
        distance: Name, `Distance` object or function, whose similarity is ranked; see
            `keras_metric.distances`.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range or the distance unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
        >>> # From 0 and from 1 the negative comes before the positive: precision 1/2.
        >>> float(SmoothAPLoss()(np.array([0, 0, 1]), x))
        0.5
    """

    def __init__(
        self,
        temperature: float = 0.01,
        name: str | None = "smooth_ap_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.temperature = _arguments.positive("temperature", temperature)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return one minus each anchor's average precision, and whether it has one."""

        def precision(positives: Any, negatives: Any) -> tuple[Any, list[Any]]:
            among_positives, rank = 1.0 + positives, 1.0 + positives + negatives
            value = among_positives / rank
            return value, [(1.0 - value) / rank, -value / rank]

        similarities = self.distance.to_similarity(batch.pairwise(self.distance))
        sets = (batch.is_positive, batch.is_negative)
        sums = sum_over_positives(
            similarities, batch.is_positive, sets, self.temperature, precision
        )
        counts = masked_count(batch.is_positive, sums.dtype)
        value = 1.0 - ops.divide_no_nan(sums, counts)
        return ops.where(counts > 0, value, 0.0), counts > 0

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "temperature": self.temperature}
