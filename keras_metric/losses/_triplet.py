"""Triplet loss with a choice of positives and negatives."""

from typing import Any

import keras

from keras_metric._names import unknown_name
from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._pair_loss import PairLoss
from keras_metric.losses._triplet_choice import (
    NEGATIVES,
    POSITIVES,
    sums_of_choice,
    sums_of_triplets,
)
from keras_metric.losses._triplet_sums import Hinge

_AVERAGES = ("violating", "all")


@keras.saving.register_keras_serializable(package="keras_metric")
class TripletLoss(PairLoss):
    """Hinge on the triplets of a batch, with a choice of positives and negatives.

    `max(0, d(a, p) - d(a, n) + margin)`, or with `soft` the smooth `log(1 + exp(.))` of the
    same. Memory is quadratic in the batch, over all triplets too. What is averaged: the
    triplets that cost something, or with `average="all"` all chosen triplets.

    pytorch-metric-learning's `TripletMarginLoss`, with its defaults; it scales embeddings to
    length 1 itself, here that is the network's task. `negatives="semi-hard"`
    with `average="all"` is `TripletSemiHardLoss`; `"hard"` for both, with `average="all"`,
    is `TripletHardLoss`.

    Reference: [Schroff et al., 2015](https://arxiv.org/abs/1503.03832), equation 3;
    [Hermans et al., 2017](https://arxiv.org/abs/1703.07737), equations 5 and 6; the swap:
    [Balntas et al., 2016](http://www.bmva.org/bmvc/2016/papers/paper119/), section 2.

    Args:
        positives: `"all"` of an anchor, only the farthest (`"hard"`) or the nearest
            (`"easy"`).
        negatives: `"all"`; for each positive the nearest that is farther than it, or the
            farthest if there is none (`"semi-hard"`); the nearest (`"hard"`); the farthest
            (`"easy"`); or one drawn for each positive (`"distance-weighted"`; see
            `keras_metric.miners.DistanceWeightedMiner`).
        margin: Wanted gap, in units of the distance. Must be greater than 0.
        soft: Whether to use the smooth form. With `"all"` or a miner of triplets it takes a
            step for each positive of an anchor.
        swap: Whether a negative counts as near as it is to the anchor or to the positive,
            whichever is less. Chosen are negatives by their distance to the anchor.
        average: `"violating"` or `"all"`.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        seed: Of the draw of `"distance-weighted"`.
        **kwargs: `miner` (name or `Miner` that chooses the triplets; see
            `keras_metric.miners`; leave `positives` and `negatives` at `"all"` then),
            `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range or unknown, or a miner and a strategy both
            choose.
        TypeError: `seed` is not an integer, or a call's embeddings are not floating point.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> # 1 - 3, 1 - 7, 1 - 2, 1 - 6, 4 - 3, 4 - 2, 4 - 7, 4 - 6, each + 1.5:
        >>> # 0.5, 2.5 and 3.5 are positive.
        >>> loss = TripletLoss(margin=1.5)(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")
        2.1667
    """

    def __init__(
        self,
        positives: str = "all",
        negatives: str = "all",
        margin: float = 0.05,
        soft: bool = False,
        swap: bool = False,
        average: str = "violating",
        name: str | None = "triplet_loss",
        *,
        distance: Any = "L2",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        for argument, value, known in (
            ("positives", positives, POSITIVES),
            ("negatives", negatives, NEGATIVES),
            ("average", average, _AVERAGES),
        ):
            if value not in known:
                raise unknown_name("choice", argument, value, known)
        if self.miner is not None and (positives, negatives) != ("all", "all"):
            raise ValueError(
                'A miner chooses the triplets: leave positives and negatives at "all". Received: '
                f"miner={self.miner}, positives={positives!r}, negatives={negatives!r}"
            )
        self.positives = positives
        self.negatives = negatives
        self.margin = _arguments.positive("margin", margin)
        self.soft = bool(soft)
        self.swap = bool(swap)
        self.average = average
        self.seed = _arguments.seed(seed)

    def mined(self, batch: LabelledBatch) -> LabelledBatch:
        """Return the batch as it is: the miner chooses triplets of it, not pairs."""
        return batch

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's summed costs and its number of triplets."""
        matrix, hinge = batch.pairwise(self.distance), Hinge(self.margin, self.soft)
        between = None
        if self.swap and batch.is_same_set:
            between = matrix
        elif self.swap:
            between = self.distance.pairwise(batch.references)
        if self.miner is not None:
            triplets = self.miner.triplets(batch, matrix)
            sums, counts, violated = sums_of_triplets(triplets, matrix, hinge, between)
        else:
            sums, counts, violated = sums_of_choice(
                batch, matrix, self.positives, self.negatives, hinge, between, self.seed
            )
        return sums, violated if self.average == "violating" else counts

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "positives": self.positives,
            "negatives": self.negatives,
            "margin": self.margin,
            "soft": self.soft,
            "swap": self.swap,
            "average": self.average,
            "seed": self.seed,
        }
