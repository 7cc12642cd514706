"""Triplets: an anchor, another example of its class, one of another class."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._hash import Stream, key_of
from tfds_builders.sampling._label_index import LabelIndex
from tfds_builders.sampling._negatives import Negatives
from tfds_builders.sampling._partners import Partners
from tfds_builders.sampling._permutation import permute
from tfds_builders.sampling._relevance import RelevanceFunction
from tfds_builders.sampling._tuple_sampler import TupleSampler


class TripletSampler(TupleSampler):
    """Draws triplets, each example the anchor of one triplet in every epoch.

    Triplet `j` depends on `(seed, j)` alone. An example that is the only one of its class, or
    whose partners the groups rule out, is never an anchor, but may be a negative.

    Args:
        labels: Class of each example, shape `(examples,)`: integers or strings; or their
            `LabelIndex`.
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
        ValueError: There is one class only, no example has both partners, or `relevance` comes
            with other rules.

    Example:
        >>> TripletSampler([0, 0, 1, 1], seed=7).take(0, 4).shape
        (4, 3)
    """

    _width = 3

    def __init__(
        self,
        labels: ArrayLike | LabelIndex,
        *,
        class_frequency: str = "data",
        negatives: Negatives | None = None,
        groups: ArrayLike | None = None,
        group_rule: str = "pairs",
        relevance: RelevanceFunction | None = None,
        seed: int = 0,
    ) -> None:
        self._partners = Partners(
            labels, groups, group_rule, class_frequency, negatives, relevance, True
        )
        self.index = self._partners.index
        self.seed = seed
        positive, negative = self._partners.possible()
        chosen = np.broadcast_to(np.logical_and(positive, negative), len(self.index))
        # A list of places is kept only if some are left out.
        self._anchors = None if chosen.all() else np.flatnonzero(chosen).astype(np.uint32)
        self._length = len(self.index) if self._anchors is None else len(self._anchors)
        if not self._length:
            raise ValueError(
                "Triplets need an example with another one of its class and one of another class"
                f"{', both allowed by the groups' if groups is not None else ''}. "
                f"Received: {len(self.index)} labels in {len(self.index.classes)} classes"
            )

    def _draw(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        epochs, slots = np.divmod(numbers, self._length)
        places = permute(key_of(self.seed, Stream.ANCHOR, epochs), slots, self._length)
        if self._anchors is not None:
            places = self._anchors[places].astype(np.int64)
        positive, negative = (
            key_of(self.seed, stream) for stream in (Stream.POSITIVE, Stream.NEGATIVE)
        )
        return np.stack(
            [
                self.index.order[places],
                self._partners.positive(places, positive, numbers),
                self._partners.negative(places, negative, numbers),
            ],
            axis=1,
        )
