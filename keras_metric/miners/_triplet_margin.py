"""Triplets by how they stand to a margin."""

from typing import Any

import keras
from keras import ops

from keras_metric._names import unknown_name
from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.miners._miner import TripletMiner
from keras_metric.miners._triplets import IntervalTriplets

_TYPES = ("all", "hard", "semi-hard", "easy")
_INFINITY = float("inf")


@keras.saving.register_keras_serializable(package="keras_metric")
class TripletMarginMiner(TripletMiner):
    """Every triplet whose gap `d(a, n) - d(a, p)` is within bounds.

    - `"all"`: gap at most `margin`: those that violate it;
    - `"hard"`: gap at most 0;
    - `"semi-hard"`: gap above 0, at most `margin`;
    - `"easy"`: gap above `margin`: those that do not violate it.

    There are up to batch^3 such triplets. For one anchor and positive their negatives are
    those within an interval of distances: `IntervalTriplets`.

    Args:
        margin: Gap in units of the distance.
        type_of_triplets: `"all"`, `"hard"`, `"semi-hard"` or `"easy"`.
        distance: See `Miner`.

    Raises:
        ValueError: `margin` is negative or not finite, or the type is unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]])
        >>> TripletMarginMiner(0.6)([0, 0, 1, 1], x).to_indices().tolist()
        [[0, 1, 2], [1, 0, 2], [2, 3, 0], [2, 3, 1], [3, 2, 1]]
    """

    def __init__(
        self, margin: float = 0.2, type_of_triplets: str = "all", distance: Any = None
    ) -> None:
        super().__init__(distance)
        self.margin = _arguments.non_negative("margin", margin)
        if type_of_triplets not in _TYPES:
            raise unknown_name("type of triplets", "type_of_triplets", type_of_triplets, _TYPES)
        self.type_of_triplets = type_of_triplets

    def mine(self, batch: LabelledBatch, matrix: Any = None) -> IntervalTriplets:
        """Return the triplets as intervals of the negatives' distances."""
        matrix = self._matrix(batch, matrix)
        everything = ops.full_like(matrix, _INFINITY)
        lower, upper = {
            "all": (-everything, matrix + self.margin),
            "hard": (-everything, matrix),
            "semi-hard": (matrix, matrix + self.margin),
            "easy": (matrix + self.margin, everything),
        }[self.type_of_triplets]
        return IntervalTriplets(batch.is_positive, batch.is_negative, matrix, lower, upper)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this miner."""
        config = {"margin": self.margin, "type_of_triplets": self.type_of_triplets}
        return {**config, **super().get_config()}
