"""Triplets: an anchor, another example of its class, one of another class."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._checks import check_range
from tfds_builders.sampling._hash import random_below
from tfds_builders.sampling._label_index import LabelIndex
from tfds_builders.sampling._pairs import epoch_anchors

_POSITIVE, _NEGATIVE = 2, 3


class TripletSampler:
    """Draws triplets, each example the anchor of one triplet in every epoch.

    Triplet `j` depends on `(seed, j)` alone. An example that is the only one of its class is
    never an anchor, but may be a negative.

    Args:
        labels: Class of each example, shape `(examples,)`: integers or strings.
        seed: Any integer.

    Raises:
        ValueError: There is one class only, or no class has two examples.

    Example:
        >>> TripletSampler([0, 0, 1, 1], seed=7).take(0, 4).shape
        (4, 3)
    """

    def __init__(self, labels: ArrayLike, *, seed: int = 0) -> None:
        self.index = LabelIndex(labels)
        self.index.require_two_classes()
        has_positive = self.index.counts[self.index.class_of] > 1
        if not has_positive.any():
            raise ValueError(
                "Triplets need a class with at least two examples. "
                f"Received: {len(self.index)} labels, all different"
            )
        self.anchors = np.flatnonzero(has_positive)
        self.seed = seed

    def __len__(self) -> int:
        """Triplets in an epoch: one for each example that has another of its class."""
        return len(self.anchors)

    def take(self, start: int, stop: int) -> NDArray[np.int64]:
        """Triplets `start` to `stop`: positions of examples, shape `(stop - start, 3)`."""
        number = check_range(start, stop)
        anchors = epoch_anchors(self.seed, number, self.anchors)
        counts = self.index.counts[self.index.class_of[anchors]]
        positives = random_below(self.seed, _POSITIVE, number, counts - 1)
        negatives = random_below(self.seed, _NEGATIVE, number, len(self.index) - counts)
        return np.stack(
            [
                anchors,
                self.index.same_class(anchors, positives),
                self.index.other_class(anchors, negatives),
            ],
            axis=1,
        )
