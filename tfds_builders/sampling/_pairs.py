"""Pairs of examples of the same class and of different classes."""

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._hash import Stream, key_of
from tfds_builders.sampling._label_index import LabelIndex
from tfds_builders.sampling._negatives import Negatives
from tfds_builders.sampling._partners import Partners
from tfds_builders.sampling._permutation import permute
from tfds_builders.sampling._relevance import RelevanceFunction
from tfds_builders.sampling._tuple_sampler import TupleSampler


class PairSampler(TupleSampler):
    """Draws pairs, each example the anchor of one pair in every epoch.

    Pair `j` depends on `(seed, j)` alone, so any host can make any part of the sequence. The
    share of pairs of one class is exact in every run of pairs, to within one pair. An anchor
    that is the only one of its class always gets a different one; the others make up for it,
    as far as they are enough. An example that the groups leave without any partner is no anchor.

    Args:
        labels: Class of each example, shape `(examples,)`: integers or strings; or their
            `LabelIndex`.
        positive_fraction: Share of pairs of one class, from 0 to 1.
        class_frequency: `"data"`: a negative is uniform over the examples of other classes;
            `"uniform"`: over the other classes, then over the examples of the one drawn.
        negatives: `SimilarClasses` or `HardNegatives`, in place of `class_frequency`.
        groups: Group of each example besides its class, such as its sequence or camera.
        group_rule: `"pairs"`: nothing goes with one of its own group; `"positives"`: a
            positive is of another group, a negative of any.
        relevance: Which examples are positives of which, for labels that are more than a
            class: a function of two arrays of labels, anchors and others, that returns a
            boolean for each pair. `labels` are then of shape `(examples,)`, or multi-hot of
            shape `(examples, labels)`, see `shares_a_label`. A positive is uniform over all
            relevant examples, a negative over all others. The function sees each pair of
            distinct labels once.
        seed: Any integer.

    Raises:
        ValueError: `positive_fraction` lies outside `[0, 1]`, or `labels` hold one class only
            while different pairs are wanted, or `relevance` comes with other rules.

    Example:
        >>> sampler = PairSampler([0, 0, 1, 1], seed=7)
        >>> sampler.take(0, 4).shape
        (4, 2)
    """

    _width = 2

    def __init__(
        self,
        labels: ArrayLike | LabelIndex,
        *,
        positive_fraction: float = 0.5,
        class_frequency: str = "data",
        negatives: Negatives | None = None,
        groups: ArrayLike | None = None,
        group_rule: str = "pairs",
        relevance: RelevanceFunction | None = None,
        seed: int = 0,
    ) -> None:
        if not 0 <= positive_fraction <= 1:
            raise ValueError(
                "`positive_fraction` must lie from 0 to 1. "
                f"Received: positive_fraction={positive_fraction}"
            )
        need = positive_fraction < 1
        self._partners = Partners(
            labels, groups, group_rule, class_frequency, negatives, relevance, need
        )
        self.index = self._partners.index
        self.positive_fraction = positive_fraction
        self.seed = seed
        self._sort_anchors()
        length = self._length
        lowest = Fraction(self._num_positive_only, length)
        highest = Fraction(length - self._num_negative_only, length)
        share = min(max(Fraction(positive_fraction), lowest), highest)
        # Small enough for products with any pair's number to stay below 2**63.
        share = share.limit_denominator(10**6)
        self._numerator, self._denominator = share.numerator, share.denominator

    def is_positive(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the pairs, positions of shape `(pairs, 2)`, are of one class, or relevant.

        Example:
            >>> PairSampler([0, 0, 1]).is_positive(np.array([[0, 1], [1, 2]]))
            array([ True, False])
        """
        return self._partners.go_together(pairs[:, 0], pairs[:, 1])

    def _sort_anchors(self) -> None:
        """Lists the places of anchors: those only for positives, for both, only for negatives."""
        positive, negative = (
            np.broadcast_to(which, len(self.index)) for which in self._partners.possible()
        )
        kinds = [
            np.flatnonzero(which)
            for which in (positive & ~negative, positive & negative, negative & ~positive)
        ]
        self._num_positive_only, num_both, self._num_negative_only = map(len, kinds)
        self._length = sum(map(len, kinds))
        if not self._length:
            raise ValueError(
                "Pairs need two examples that may go together. "
                f"Received: {len(self.index)} labels in {len(self.index.classes)} classes"
            )
        everything = num_both == len(self.index)
        self._anchors = None if everything else np.concatenate(kinds).astype(np.uint32)

    def _draw(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        places, positive = self._anchors_of(numbers)
        pairs = np.empty((len(numbers), 2), dtype=np.int64)
        pairs[:, 0] = self.index.order[places]
        for chosen, draw, stream in (
            (positive, self._partners.positive, Stream.POSITIVE),
            (~positive, self._partners.negative, Stream.NEGATIVE),
        ):
            if chosen.any():
                key = key_of(self.seed, stream)
                pairs[chosen, 1] = draw(places[chosen], key, numbers[chosen])
        return pairs

    def _positives_before(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return numbers * self._numerator // self._denominator

    def _anchors_of(
        self, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Places of the anchors, and whether a positive goes with them."""
        length, epochs = self._length, numbers // self._length
        before, begin = self._positives_before(numbers), epochs * length
        first = self._positives_before(begin)
        in_epoch = self._positives_before(begin + length) - first
        positive = self._positives_before(numbers + 1) > before
        # Slots for positives are numbered first; the lists' ends suit one kind of slot only.
        slots = np.where(positive, before - first, in_epoch + numbers - begin - (before - first))
        if self._num_positive_only or self._num_negative_only:
            slots = self._shuffle_kinds(slots, positive, in_epoch, epochs)
        both = length - self._num_positive_only - self._num_negative_only
        inner = slots - self._num_positive_only
        free = (inner >= 0) & (inner < both)
        if both:
            key = key_of(self.seed, Stream.ANCHOR, epochs)
            moved = permute(key, np.where(free, inner, 0), both) + self._num_positive_only
            slots = np.where(free, moved, slots)
        if self._anchors is not None:
            slots = self._anchors[slots].astype(np.int64)
        return slots, positive

    def _shuffle_kinds(
        self,
        slots: NDArray[np.int64],
        positive: NDArray[np.bool_],
        in_epoch: NDArray[np.int64],
        epochs: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Mixes the anchors of one kind of pair only with the others of the epoch."""
        begin = np.where(positive, 0, in_epoch)
        size = np.where(positive, in_epoch, self._length - in_epoch)
        return begin + permute(
            key_of(self.seed, Stream.KIND, epochs, positive), slots - begin, size
        )
