"""Pairs that are hard for their anchor."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_max, masked_min
from keras_metric.miners._miner import PairMiner


@keras.saving.register_keras_serializable(package="keras_metric")
class MultiSimilarityMiner(PairMiner):
    """Positives farther than the nearest negative, negatives nearer than the farthest positive.

    Both by up to `epsilon` less: a positive is chosen if `d(a, p) > min d(a, n) - epsilon`,
    a negative if `d(a, n) < max d(a, p) + epsilon`. Alone it compares cosines.

    Reference: [Wang et al., 2019](https://arxiv.org/abs/1904.06627), equations 5 and 6.

    Args:
        epsilon: Slack, in units of the distance.
        distance: See `Miner`.

    Raises:
        ValueError: `epsilon` is negative or not finite.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]])
        >>> is_positive, is_negative = MultiSimilarityMiner(0.1, "L2")([0, 0, 1, 1], x)
        >>> np.argwhere(np.asarray(is_positive)).tolist()
        [[1, 0], [2, 3]]
        >>> np.argwhere(np.asarray(is_negative)).tolist()
        [[1, 2], [2, 0], [2, 1]]
    """

    default_distance = "cosine"

    def __init__(self, epsilon: float = 0.1, distance: Any = None) -> None:
        super().__init__(distance)
        self.epsilon = _arguments.non_negative("epsilon", epsilon)

    def mine(self, batch: LabelledBatch, matrix: Any = None) -> tuple[Any, Any]:
        """Return boolean masks `(batch, refs)` of positive and of negative pairs."""
        matrix = self._matrix(batch, matrix)
        farthest, has_positive = masked_max(matrix, batch.is_positive)
        nearest, has_negative = masked_min(matrix, batch.is_negative)
        is_both = ops.expand_dims(ops.logical_and(has_positive, has_negative), 1)
        is_far = matrix + self.epsilon > ops.expand_dims(nearest, 1)
        is_near = matrix - self.epsilon < ops.expand_dims(farthest, 1)
        return (
            ops.logical_and(ops.logical_and(batch.is_positive, is_far), is_both),
            ops.logical_and(ops.logical_and(batch.is_negative, is_near), is_both),
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this miner."""
        return {"epsilon": self.epsilon, **super().get_config()}
