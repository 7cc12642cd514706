"""Pairs of examples of the same class and of different classes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._checks import check_range
from tfds_builders.sampling._hash import permutation, random_below
from tfds_builders.sampling._label_index import LabelIndex

_ANCHOR, _POSITIVE, _NEGATIVE = 1, 2, 3


class PairSampler:
    """Draws pairs, each example the anchor of one pair in every epoch.

    Pair `j` depends on `(seed, j)` alone, so any host can make any part of the sequence. The
    share of pairs of one class is exact in every run of pairs, to within one pair. An anchor
    that is the only one of its class has no other to go with and always gets a different one.
    Partners are uniform over all examples that qualify.

    Args:
        labels: Class of each example, shape `(examples,)`: integers or strings.
        positive_fraction: Share of pairs of one class, from 0 to 1.
        seed: Any integer.

    Raises:
        ValueError: `positive_fraction` lies outside `[0, 1]`, or `labels` hold one class only
            while different pairs are wanted.

    Example:
        >>> sampler = PairSampler([0, 0, 1, 1], seed=7)
        >>> sampler.take(0, 4).shape
        (4, 2)
    """

    def __init__(self, labels: ArrayLike, *, positive_fraction: float = 0.5, seed: int = 0) -> None:
        if not 0 <= positive_fraction <= 1:
            raise ValueError(
                "`positive_fraction` must lie from 0 to 1. "
                f"Received: positive_fraction={positive_fraction}"
            )
        self.index = LabelIndex(labels)
        if positive_fraction < 1 or self.index.counts.min() == 1:
            self.index.require_two_classes()
        self.positive_fraction = positive_fraction
        self.seed = seed

    def __len__(self) -> int:
        """Pairs in an epoch: one for each example."""
        return len(self.index)

    def take(self, start: int, stop: int) -> NDArray[np.int64]:
        """Pairs `start` to `stop`: positions of examples, shape `(stop - start, 2)`."""
        number = check_range(start, stop)
        anchors = epoch_anchors(self.seed, number, np.arange(len(self.index)))
        share = self.positive_fraction
        positive = np.floor((number + 1) * share) > np.floor(number * share)
        counts = self.index.counts[self.index.class_of[anchors]]
        positive &= counts > 1
        alike = random_below(self.seed, _POSITIVE, number, np.maximum(counts - 1, 1))
        unlike = random_below(self.seed, _NEGATIVE, number, len(self.index) - counts)
        partners = np.empty_like(anchors)
        partners[positive] = self.index.same_class(anchors[positive], alike[positive])
        partners[~positive] = self.index.other_class(anchors[~positive], unlike[~positive])
        return np.stack([anchors, partners], axis=1)


def epoch_anchors(
    seed: int, number: NDArray[np.int64], candidates: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The anchors of tuples `number`: `candidates` once an epoch, each epoch in a new order."""
    epochs, places = np.divmod(number, len(candidates))
    anchors = np.empty_like(number)
    for epoch in np.unique(epochs):
        order = permutation(seed, _ANCHOR + (int(epoch) + 1) * 16, len(candidates))
        here = epochs == epoch
        anchors[here] = candidates[order[places[here]]]
    return anchors
