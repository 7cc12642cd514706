"""Triplets with a wide angle at the negative."""

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from keras_metric.distances import SquaredEuclideanDistance
from keras_metric.distances._numerics import unit
from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.miners._miner import TripletMiner
from keras_metric.miners._triplets import Triplets, column


@dataclass(frozen=True)
class AngularTriplets(Triplets):
    """Triplets with `|a - n|^2 + |p - n|^2 < factor |a - p|^2`.

    Attributes:
        squared: Squared distances of anchors and references, `(batch, refs)`.
        ref_squared: Squared distances of the references, `(refs, refs)`.
        factor: See above.
    """

    squared: Any
    ref_squared: Any
    factor: float

    def negatives_of(self, positives: Any) -> Any:
        """Return the negatives too near to the middle of anchor and positive."""
        around = self.squared + ops.take(self.ref_squared, positives, axis=0)
        is_near = around < self.factor * column(self.squared, positives)
        return ops.logical_and(is_near, self.is_negative)


@keras.saving.register_keras_serializable(package="keras_metric")
class AngularMiner(TripletMiner):
    """Triplets whose angle at the negative is above a threshold.

    The angle is `atan(|a - p| / (2 |n - c|))` with `c` halfway between anchor and positive,
    for embeddings scaled to length 1; it takes no other distance.

    Reference: [Wang et al., 2017](https://arxiv.org/abs/1708.01682), figure 3.

    Args:
        angle: Threshold in degrees, above 0 and below 90.

    Raises:
        ValueError: `angle` is out of range.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6], [-1.0, 0.0]])
        >>> # Anchor 0, positive 1: |a - p| / 2 = 0.707; the negatives 2 and 3 are 0.316 and
        >>> # 1.581 from the middle: 66 and 24 degrees.
        >>> AngularMiner(30.0)([0, 0, 1, 2], x).to_indices().tolist()
        [[0, 1, 2], [1, 0, 2]]
    """

    def __init__(self, angle: float = 20.0) -> None:
        super().__init__()
        self.angle = _arguments.positive("angle", angle)
        if self.angle >= 90:
            raise ValueError(f"angle must be below 90 degrees. Received: angle={angle!r}")

    def mine(self, batch: LabelledBatch, matrix: Any = None) -> AngularTriplets:
        """Return the triplets; the loss's own distances are not used."""
        squared_euclidean = SquaredEuclideanDistance()
        anchors = unit(ops.stop_gradient(batch.embeddings))
        references = unit(ops.stop_gradient(batch.references))
        ref_squared = squared_euclidean.pairwise(references)
        squared = ref_squared
        if not batch.is_same_set:
            squared = squared_euclidean.pairwise(anchors, references)
        # |n - c|^2 = (|a - n|^2 + |p - n|^2) / 2 - |a - p|^2 / 4, the length of a median.
        tangent = math.tan(math.radians(self.angle))
        factor = 0.5 + 0.5 / tangent**2
        return AngularTriplets(batch.is_positive, batch.is_negative, squared, ref_squared, factor)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this miner."""
        return {"angle": self.angle}
