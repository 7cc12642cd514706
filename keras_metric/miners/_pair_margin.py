"""Pairs on the wrong side of a margin."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.miners._miner import PairMiner


@keras.saving.register_keras_serializable(package="keras_metric")
class PairMarginMiner(PairMiner):
    """Positive pairs farther than one margin, negative pairs nearer than another.

    Args:
        pos_margin: Positives with a distance above it are chosen.
        neg_margin: Negatives with a distance below it are chosen.
        distance: See `Miner`.

    Raises:
        ValueError: A margin is negative or not finite.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [0.5], [0.9], [4.0]])
        >>> is_positive, is_negative = PairMarginMiner(0.2, 0.8)([0, 0, 1, 1], x)
        >>> np.argwhere(np.asarray(is_positive)).tolist()
        [[0, 1], [1, 0], [2, 3], [3, 2]]
        >>> np.argwhere(np.asarray(is_negative)).tolist()
        [[1, 2], [2, 1]]
    """

    def __init__(
        self, pos_margin: float = 0.2, neg_margin: float = 0.8, distance: Any = None
    ) -> None:
        super().__init__(distance)
        self.pos_margin = _arguments.non_negative("pos_margin", pos_margin)
        self.neg_margin = _arguments.non_negative("neg_margin", neg_margin)

    def mine(self, batch: LabelledBatch, matrix: Any = None) -> tuple[Any, Any]:
        """Return boolean masks `(batch, refs)` of positive and of negative pairs."""
        matrix = self._matrix(batch, matrix)
        return (
            ops.logical_and(batch.is_positive, matrix > self.pos_margin),
            ops.logical_and(batch.is_negative, matrix < self.neg_margin),
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this miner."""
        config = {"pos_margin": self.pos_margin, "neg_margin": self.neg_margin}
        return {**config, **super().get_config()}
