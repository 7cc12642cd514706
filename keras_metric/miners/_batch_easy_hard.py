"""One positive and one negative an anchor."""

from typing import Any

import keras
from keras import ops

from keras_metric._names import unknown_name
from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.miners._miner import PairMiner
from keras_metric.miners._triplets import is_column

_STRATEGIES = ("hard", "semi-hard", "easy", "all")
_INFINITY = float("inf")


@keras.saving.register_keras_serializable(package="keras_metric")
class BatchEasyHardMiner(PairMiner):
    """One positive and one negative of every anchor, each easy, hard or semi-hard.

    The hard positive is the farthest, the hard negative the nearest, the easy ones the
    reverse. A semi-hard negative is the nearest one farther than the chosen positive, a
    semi-hard positive the farthest one nearer than the chosen negative. Unless one of the
    two is `"all"`, anchors that lack either take no part.

    Reference: [Xuan et al., 2020](https://arxiv.org/abs/1904.04370), section 3.

    Args:
        pos_strategy: `"easy"`, `"hard"`, `"semi-hard"` or `"all"`.
        neg_strategy: The same. Only one can be `"semi-hard"`, and then the other is not
            `"all"`.
        allowed_pos_range: Smallest and largest distance of a positive.
        allowed_neg_range: Smallest and largest distance of a negative.
        distance: See `Miner`.

    Raises:
        ValueError: A strategy is unknown, the two cannot go together, or a range is not two
            ascending numbers.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]])
        >>> is_positive, is_negative = BatchEasyHardMiner()([0, 0, 1, 1], x)
        >>> np.argwhere(np.asarray(is_positive)).tolist()  # 2 has no negative farther than 2.5
        [[0, 1], [1, 0], [3, 2]]
        >>> np.argwhere(np.asarray(is_negative)).tolist()
        [[0, 2], [1, 3], [3, 1]]
    """

    def __init__(
        self,
        pos_strategy: str = "easy",
        neg_strategy: str = "semi-hard",
        allowed_pos_range: Any = None,
        allowed_neg_range: Any = None,
        distance: Any = None,
    ) -> None:
        super().__init__(distance)
        for name, value in (("pos_strategy", pos_strategy), ("neg_strategy", neg_strategy)):
            if value not in _STRATEGIES:
                raise unknown_name("strategy", name, value, _STRATEGIES)
        both = {pos_strategy, neg_strategy}
        if both == {"semi-hard"} or both == {"semi-hard", "all"}:
            raise ValueError(
                'Semi-hard is measured from one chosen pair: the other must be "hard" or "easy". '
                f"Received: pos_strategy={pos_strategy!r}, neg_strategy={neg_strategy!r}"
            )
        self.pos_strategy = pos_strategy
        self.neg_strategy = neg_strategy
        self.allowed_pos_range = _range("allowed_pos_range", allowed_pos_range)
        self.allowed_neg_range = _range("allowed_neg_range", allowed_neg_range)

    def mine(self, batch: LabelledBatch, matrix: Any = None) -> tuple[Any, Any]:
        """Return boolean masks `(batch, refs)` of positive and of negative pairs."""
        matrix = self._matrix(batch, matrix)
        positives = _within(matrix, batch.is_positive, self.allowed_pos_range)
        negatives = _within(matrix, batch.is_negative, self.allowed_neg_range)
        if self.pos_strategy == "semi-hard":
            is_negative, limit = self._negative(matrix, negatives)
            positives = ops.logical_and(positives, matrix < limit)
            is_positive, _ = self._positive(matrix, positives)
        else:
            is_positive, limit = self._positive(matrix, positives)
            if self.neg_strategy == "semi-hard":
                negatives = ops.logical_and(negatives, matrix > limit)
            is_negative, _ = self._negative(matrix, negatives)
        if "all" in (self.pos_strategy, self.neg_strategy):
            return is_positive, is_negative
        has_both = ops.logical_and(_has_any(is_positive), _has_any(is_negative))
        return ops.logical_and(is_positive, has_both), ops.logical_and(is_negative, has_both)

    def _positive(self, matrix: Any, mask: Any) -> tuple[Any, Any]:
        if self.pos_strategy == "all":
            return mask, None
        return _extreme(matrix, mask, farthest=self.pos_strategy != "easy")

    def _negative(self, matrix: Any, mask: Any) -> tuple[Any, Any]:
        if self.neg_strategy == "all":
            return mask, None
        return _extreme(matrix, mask, farthest=self.neg_strategy == "easy")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this miner."""
        return {
            "pos_strategy": self.pos_strategy,
            "neg_strategy": self.neg_strategy,
            "allowed_pos_range": self.allowed_pos_range,
            "allowed_neg_range": self.allowed_neg_range,
            **super().get_config(),
        }


def _range(name: str, value: Any) -> list[float] | None:
    if value is None:
        return None
    try:
        low, high = (_arguments.non_negative(name, end) for end in value)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if low > high:
        raise ValueError(f"{name} must be two ascending distances. Received: {name}={value!r}")
    return [low, high]


def _within(matrix: Any, mask: Any, allowed: list[float] | None) -> Any:
    if allowed is None:
        return mask
    is_allowed = ops.logical_and(matrix >= allowed[0], matrix <= allowed[1])
    return ops.logical_and(mask, is_allowed)


def _extreme(matrix: Any, mask: Any, farthest: bool) -> tuple[Any, Any]:
    """Mask of each row's farthest (or nearest) picked entry, and its distance `(batch, 1)`."""
    sign = 1.0 if farthest else -1.0
    candidates = ops.where(mask, sign * matrix, -_INFINITY)
    chosen = ops.argmax(candidates, axis=1)
    is_chosen = ops.logical_and(is_column(chosen, mask), mask)
    return is_chosen, sign * ops.max(candidates, axis=1, keepdims=True)


def _has_any(mask: Any) -> Any:
    return ops.any(mask, axis=1, keepdims=True)
