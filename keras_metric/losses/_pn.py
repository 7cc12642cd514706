"""Hinge whose negative must be far from the anchor and from the positive."""

from typing import Any

import keras
from keras import ops

from keras_metric._names import unknown_name
from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._pair_loss import PairLoss, has_both

_POSITIVES = ("hard", "easy")
_NEGATIVES = ("semi-hard", "hard", "easy")


@keras.saving.register_keras_serializable(package="keras_metric")
class PNLoss(PairLoss):
    """Hinge whose negative must be far from the anchor and from the positive.

    `max(0, d(a, p) - min(d(a, n), d(p, n)) + margin)`, or with `margin=None` the smooth
    `log(1 + exp(d(a, p) - min(d(a, n), d(p, n))))`, for one positive and one negative of
    each anchor. What is averaged: all anchors with a positive and a negative. Defaults are
    tensorflow-similarity's.

    Reference: [Szubert et al., 2019](https://doi.org/10.1038/s41598-019-45301-0), the
    loss of ivis.

    Args:
        positives: `"hard"`, the farthest positive, or `"easy"`, the nearest.
        negatives: `"semi-hard"`, the nearest negative farther than the positive (the
            farthest if there is none), `"hard"`, the nearest, or `"easy"`, the farthest.
        margin: Wanted gap, in units of the distance, greater than 0, or `None` for the
            smooth form.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range, or a name unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> # 1 - min(3, 2) + 2, 1 - min(2, 3) + 2; 4 - min(2, 6) + 2 from 3, where no
        >>> # negative is farther than 4; 4 - min(6, 2) + 2 from 7: 1, 1, 3 and 4.
        >>> loss = PNLoss(margin=2.0, distance="L2", reduction="none")
        >>> np.asarray(loss(np.array([0, 0, 1, 1]), x)).tolist()
        [1.0, 1.0, 3.0, 4.0]
    """

    def __init__(
        self,
        positives: str = "hard",
        negatives: str = "semi-hard",
        margin: float | None = None,
        name: str | None = "pn_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        if positives not in _POSITIVES:
            raise unknown_name("choice of positives", "positives", positives, _POSITIVES)
        if negatives not in _NEGATIVES:
            raise unknown_name("choice of negatives", "negatives", negatives, _NEGATIVES)
        self.positives, self.negatives = positives, negatives
        self.margin = None if margin is None else _arguments.positive("margin", margin)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's cost, and whether it has a positive and a negative."""
        matrix = batch.pairwise(self.distance)
        fixed = ops.stop_gradient(matrix)
        positive = _chosen(fixed, batch.is_positive, self.positives == "hard")
        to_positive = ops.take_along_axis(matrix, ops.expand_dims(positive, 1), axis=1)
        negative = self._negative(fixed, batch.is_negative, ops.stop_gradient(to_positive))
        to_negative = ops.take_along_axis(matrix, ops.expand_dims(negative, 1), axis=1)
        between = self.distance.paired(
            ops.take(batch.references, positive, axis=0),
            ops.take(batch.references, negative, axis=0),
        )
        gap = to_positive[:, 0] - ops.minimum(to_negative[:, 0], between)
        cost = ops.softplus(gap) if self.margin is None else ops.relu(gap + self.margin)
        is_valid = has_both(batch)
        return ops.where(is_valid, cost, 0.0), is_valid

    def _negative(self, fixed: Any, is_negative: Any, to_positive: Any) -> Any:
        if self.negatives != "semi-hard":
            return _chosen(fixed, is_negative, self.negatives == "easy")
        is_beyond = ops.logical_and(is_negative, fixed > to_positive)
        return ops.where(
            ops.any(is_beyond, axis=1),
            _chosen(fixed, is_beyond, farthest=False),
            _chosen(fixed, is_negative, farthest=True),
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        own = {"positives": self.positives, "negatives": self.negatives, "margin": self.margin}
        return {**super().get_config(), **own}


def _chosen(matrix: Any, mask: Any, farthest: bool) -> Any:
    """Column of the largest or smallest picked entry of each row."""
    if farthest:
        return ops.argmax(ops.where(mask, matrix, -float("inf")), axis=1)
    return ops.argmin(ops.where(mask, matrix, float("inf")), axis=1)
