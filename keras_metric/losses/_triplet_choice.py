"""Which triplets `positives=` and `negatives=` stand for, and the sums over them."""

from typing import Any

from keras import ops

from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_max, masked_min
from keras_metric.losses._semi_hard import semi_hard_columns, semi_hard_sums
from keras_metric.losses._triplet_sums import Hinge, Sums, sums_over
from keras_metric.miners._distance_weighted import DistanceWeightedMiner
from keras_metric.miners._triplets import AllTriplets, IndexTriplets, Triplets, is_column

POSITIVES = ("all", "hard", "easy")
NEGATIVES = ("all", "semi-hard", "hard", "easy", "distance-weighted")
_INFINITY = float("inf")


def sums_of_choice(
    batch: LabelledBatch,
    matrix: Any,
    positives: str,
    negatives: str,
    hinge: Hinge,
    between: Any = None,
    seed: int = 0,
) -> Sums:
    """Sums over the triplets of two strategies; see `TripletLoss` and `sums_over`."""
    if negatives == "distance-weighted":
        drawn = DistanceWeightedMiner(seed=seed).mine(batch)
        is_positive = _picked(matrix, drawn.is_positive, positives)
        chosen = IndexTriplets(is_positive, drawn.is_negative, drawn.negatives)
        return sums_of_triplets(chosen, matrix, hinge, between)
    if between is not None:
        return _sums_with_swap(batch, matrix, positives, negatives, hinge, between)
    is_positive, is_negative = batch.is_positive, batch.is_negative
    has_both = ops.logical_and(
        ops.any(is_positive, axis=1, keepdims=True), ops.any(is_negative, axis=1, keepdims=True)
    )
    if positives == "all":
        if negatives == "all":
            return sums_over(AllTriplets(is_positive, is_negative), matrix, hinge)
        mask = ops.logical_and(is_positive, has_both)
        if negatives == "semi-hard":
            return _semi_hard(matrix, mask, is_negative, hinge)
        return hinge.over(matrix, _extreme(matrix, is_negative, negatives == "easy"), mask)
    to_positive = _extreme(matrix, is_positive, positives == "hard")
    if negatives == "all":
        return hinge.over(to_positive, matrix, ops.logical_and(is_negative, has_both))
    to_negative = _extreme(matrix, is_negative, negatives == "easy")
    if negatives == "semi-hard":
        farther = ops.logical_and(is_negative, matrix > ops.stop_gradient(to_positive))
        nearest, has_farther = masked_min(matrix, farther)
        farthest = _extreme(matrix, is_negative, True)
        to_negative = ops.where(
            ops.expand_dims(has_farther, 1), ops.expand_dims(nearest, 1), farthest
        )
    return hinge.over(to_positive, to_negative, has_both)


def sums_of_triplets(triplets: Triplets, matrix: Any, hinge: Hinge, between: Any = None) -> Sums:
    """Sums over the triplets that a miner chose."""
    if not isinstance(triplets, IndexTriplets):
        return sums_over(triplets, matrix, hinge, between)
    columns = ops.arange(ops.shape(matrix)[1], dtype="int32")
    columns = ops.broadcast_to(ops.expand_dims(columns, 0), ops.shape(matrix))
    return _indexed(columns, triplets.negatives, triplets.is_positive, matrix, hinge, between)


def _sums_with_swap(
    batch: LabelledBatch, matrix: Any, positives: str, negatives: str, hinge: Hinge, between: Any
) -> Sums:
    fixed = ops.stop_gradient(matrix)
    is_positive = _picked(fixed, batch.is_positive, positives)
    if negatives == "all":
        return sums_over(AllTriplets(is_positive, batch.is_negative), matrix, hinge, between)
    has_negative = ops.any(batch.is_negative, axis=1, keepdims=True)
    is_positive = ops.logical_and(is_positive, has_negative)
    if negatives == "semi-hard":
        chosen = semi_hard_columns(matrix, is_positive, batch.is_negative)
        one_each = IndexTriplets(is_positive, batch.is_negative, chosen)
        return sums_of_triplets(one_each, matrix, hinge, between)
    sign = 1.0 if negatives == "easy" else -1.0
    chosen = ops.argmax(ops.where(batch.is_negative, sign * fixed, -_INFINITY), axis=1)
    chosen = ops.broadcast_to(ops.expand_dims(chosen, 1), ops.shape(matrix))
    one_each = IndexTriplets(is_positive, batch.is_negative, chosen)
    return sums_of_triplets(one_each, matrix, hinge, between)


def _indexed(
    positives: Any, negatives: Any, mask: Any, matrix: Any, hinge: Hinge, between: Any
) -> Sums:
    """Sums over triplets given by the columns of their positives and negatives."""
    negatives = ops.cast(negatives, "int32")
    to_positive = ops.take_along_axis(matrix, positives, axis=1)
    to_negative = ops.take_along_axis(matrix, negatives, axis=1)
    if between is not None:
        places = ops.cast(positives, "int32") * ops.shape(between)[1] + negatives
        to_other = ops.take(ops.reshape(between, (-1,)), places, axis=0)
        to_negative = ops.where(to_other < to_negative, to_other, to_negative)
    return hinge.over(to_positive, to_negative, mask)


def _semi_hard(matrix: Any, is_positive: Any, is_negative: Any, hinge: Hinge) -> Sums:
    sums, violated = semi_hard_sums(
        matrix, is_positive, is_negative, hinge.margin, hinge.cost, hinge.slope
    )
    counts = ops.sum(ops.cast(is_positive, matrix.dtype), axis=1)
    return sums, counts, counts if hinge.soft else violated


def _extreme(matrix: Any, mask: Any, farthest: bool) -> Any:
    """Distance of each row's farthest or nearest picked entry, `(batch, 1)`."""
    values, _ = masked_max(matrix, mask) if farthest else masked_min(matrix, mask)
    return ops.expand_dims(values, 1)


def _picked(matrix: Any, mask: Any, positives: str) -> Any:
    """The mask with one entry a row left, the farthest or the nearest, unless all stay."""
    if positives == "all":
        return mask
    sign = 1.0 if positives == "hard" else -1.0
    candidates = ops.where(mask, sign * ops.stop_gradient(matrix), -_INFINITY)
    return ops.logical_and(is_column(ops.argmax(candidates, axis=1), mask), mask)
