"""Negatives drawn so that all distances are seen alike."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances import EuclideanDistance
from keras_metric.distances._numerics import unit
from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.miners._miner import TripletMiner
from keras_metric.miners._triplets import IndexTriplets

_INFINITY = float("inf")
# Two distances are told apart from this gap on, when they choose the random numbers.
_RESOLUTION = 1e-3


@keras.saving.register_keras_serializable(package="keras_metric")
class DistanceWeightedMiner(TripletMiner):
    """For every positive one negative, drawn with weight `1 / q(distance)`.

    `q(d) = d^(dim - 2) (1 - d^2 / 4)^((dim - 3) / 2)` is the density of the distance of two
    points drawn evenly from the sphere, so the draws spread over near and far negatives.
    Distances are Euclidean, of embeddings scaled to length 1. Unlike in
    pytorch-metric-learning, every positive appears once; there they too are drawn, with
    replacement.

    The draw is a function of the seed and of the batch: the same batch gives the same
    triplets, compiled or not, another batch others.

    Reference: [Wu et al., 2017](https://arxiv.org/abs/1706.07567), equation 5.

    Args:
        cutoff: Smaller distances count as this one, to bound the weights.
        nonzero_loss_cutoff: Negatives at this distance or farther are never drawn.
        seed: Non-negative integer.

    Raises:
        ValueError: A cutoff is not positive, or `seed` is negative.
        TypeError: `seed` is not an integer.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
        >>> # Anchor 1 could have 2 or 3; the distance of 3 is 1.79, beyond the cutoff.
        >>> DistanceWeightedMiner()([0, 0, 1, 2], x).to_indices()[-1].tolist()
        [1, 0, 2]
    """

    def __init__(
        self, cutoff: float = 0.5, nonzero_loss_cutoff: float = 1.4, seed: int = 0
    ) -> None:
        super().__init__()
        self.cutoff = _arguments.positive("cutoff", cutoff)
        self.nonzero_loss_cutoff = _arguments.positive("nonzero_loss_cutoff", nonzero_loss_cutoff)
        self.seed = _arguments.seed(seed)

    def mine(self, batch: LabelledBatch, matrix: Any = None) -> IndexTriplets:
        """Return one negative for each positive; the loss's own distances are not used."""
        anchors = unit(ops.stop_gradient(batch.embeddings))
        others = None if batch.is_same_set else unit(ops.stop_gradient(batch.references))
        distances = EuclideanDistance().pairwise(anchors, others)
        weights = self._weights(distances, batch.is_negative, batch.embeddings.shape[1])
        totals = ops.cumsum(weights, axis=1)
        total = totals[:, -1:]
        negatives = first_above(totals, self._uniform(distances) * total)
        is_positive = ops.logical_and(batch.is_positive, total > 0)
        return IndexTriplets(is_positive, weights > 0, negatives)

    def _weights(self, distances: Any, is_negative: Any, dim: int) -> Any:
        """Weights of the negatives, the largest of each row 1."""
        is_drawn = ops.logical_and(is_negative, distances < self.nonzero_loss_cutoff)
        clipped = ops.maximum(distances, self.cutoff)
        # At a distance of 2 the density is 0: such pairs are opposite and never drawn here.
        is_drawn = ops.logical_and(is_drawn, clipped < 2.0)
        clipped = ops.where(is_drawn, clipped, 1.0)
        log_weights = (2.0 - dim) * ops.log(clipped)
        log_weights = log_weights - (dim - 3.0) / 2.0 * ops.log(1.0 - 0.25 * ops.square(clipped))
        log_weights = ops.where(is_drawn, log_weights, -_INFINITY)
        largest = ops.max(log_weights, axis=1, keepdims=True)
        largest = ops.where(largest > -_INFINITY, largest, 0.0)
        return ops.exp(log_weights - largest)

    def _uniform(self, distances: Any) -> Any:
        """Numbers in [0, 1) for every pair: a hash of the seed, its place and its distance.

        A generator with a state would have to belong to a layer to work inside `fit`, and
        the backends' stateless ones give other numbers when compiled.
        """
        rows, columns = ops.shape(distances)
        hashed = _mix(ops.cast(ops.round(distances / _RESOLUTION), "int32") + self.seed % 2**31)
        hashed = _mix(hashed + ops.expand_dims(ops.arange(rows, dtype="int32"), 1))
        hashed = _mix(hashed + ops.expand_dims(ops.arange(columns, dtype="int32"), 0))
        return ops.cast(ops.bitwise_and(hashed, 0xFFFFFF), distances.dtype) / 2.0**24

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this miner."""
        return {
            "cutoff": self.cutoff,
            "nonzero_loss_cutoff": self.nonzero_loss_cutoff,
            "seed": self.seed,
        }


def _mix(x: Any) -> Any:
    """Scramble 32-bit integers (the finalizer of MurmurHash3); products wrap around."""
    for shift, factor in ((16, -2048144789), (13, -1028477387)):
        x = ops.bitwise_xor(x, _shift(x, shift)) * ops.cast(factor, "int32")
    return ops.bitwise_xor(x, _shift(x, 16))


def _shift(x: Any, bits: int) -> Any:
    """Shift right and fill with zeros, where integers have a sign."""
    return ops.bitwise_and(ops.right_shift(x, bits), 2 ** (32 - bits) - 1)


def first_above(ascending: Any, targets: Any) -> Any:
    """Column of each row's first entry above each target, by halving.

    Args:
        ascending: Rows in ascending order, `(batch, refs)`.
        targets: `(batch, n)`, below the last entry of their row.

    Returns:
        int32 tensor of shape `(batch, n)`.
    """
    last = ops.shape(ascending)[1] - 1
    low = ops.zeros_like(targets, dtype="int32")
    high = ops.full_like(low, last)

    def halve(low: Any, high: Any) -> tuple[Any, Any]:
        middle = (low + high) // 2
        is_above = ops.take_along_axis(ascending, middle, axis=1) > targets
        return ops.where(is_above, low, ops.minimum(middle + 1, high)), ops.where(
            is_above, middle, high
        )

    low, _ = ops.while_loop(lambda low, high: ops.any(low < high), halve, (low, high))
    return low
