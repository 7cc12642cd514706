"""Which examples may go with an anchor, and drawing one of them."""

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._checks import check_choice
from tfds_builders.sampling._hash import Unsigned, key_of, random_below
from tfds_builders.sampling._label_index import LabelIndex, as_index
from tfds_builders.sampling._negatives import Negatives, UniformClasses, UniformExamples
from tfds_builders.sampling._relevance import Relevance, RelevanceFunction, label_patterns

_TRIES = 32


class Partners:
    """Draws positives and negatives under the rules for classes and groups."""

    def __init__(
        self,
        labels: ArrayLike | LabelIndex,
        groups: ArrayLike | None,
        group_rule: str,
        class_frequency: str,
        negatives: Negatives | None,
        relevance: RelevanceFunction | None,
        need_negatives: bool,
    ) -> None:
        check_choice("group_rule", group_rule, ("pairs", "positives"))
        check_choice("class_frequency", class_frequency, ("data", "uniform"))
        if negatives is not None and not isinstance(negatives, Negatives):
            raise TypeError(
                "`negatives` must be SimilarClasses, HardNegatives or another Negatives. "
                f"Received: negatives={negatives!r}"
            )
        self.relevance: Relevance | None = None
        self._groups: Any = None
        if relevance is not None:
            if groups is not None or negatives is not None or class_frequency != "data":
                raise ValueError(
                    "`relevance` decides alone who goes with whom. Received: it and "
                    f"groups={groups is not None and '...'}, negatives={negatives!r}, "
                    f"class_frequency={class_frequency!r}"
                )
            self.index, self.relevance = _related(labels, relevance)
            positive, negative = self.relevance.possible()
            if not positive.any() or (need_negatives and not negative.any()):
                raise ValueError(
                    "`relevance` must hold for some examples and not for all. Received: one that "
                    f"holds for {'none' if not positive.any() else 'all'} of {len(self.index)}"
                )
            return
        self.index = as_index(labels)
        self._groups = None if groups is None else as_index(groups).numbers().astype(np.uint32)
        if self._groups is not None and len(self._groups) != len(self.index):
            raise ValueError(
                f"`groups` must hold one group for each of the {len(self.index)} labels. "
                f"Received: {len(self._groups)} groups"
            )
        self._apart = group_rule == "pairs" and groups is not None
        default = UniformExamples if class_frequency == "data" else UniformClasses
        if len(self.index.classes) > 1 or need_negatives:
            self._draw_negative = (negatives or default()).bind(self.index)

    def possible(self) -> tuple[Any, Any]:
        """Whether the example at each place has a positive and a negative; `True` if all do."""
        index, groups = self.index, self._groups
        if self.relevance is not None:
            return self.relevance.possible()
        if groups is None:
            positive = np.repeat(index.counts > 1, index.counts)
            return (True if positive.all() else positive), len(index.classes) > 1
        # Examples of one class and one group are a cell.
        numbers = np.repeat(np.arange(len(index.classes)), index.counts)
        here = groups[index.order].astype(np.int64)
        _, cells, sizes = np.unique(
            numbers * (here.max() + 1) + here, return_inverse=True, return_counts=True
        )
        cell, count = sizes[cells], index.counts[numbers]
        num_others = len(index) - count
        if self._apart:
            num_others = num_others - (np.bincount(here)[here] - cell)
        return count > cell, num_others > 0

    def go_together(
        self, anchors: NDArray[np.int64], others: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether examples are positives of anchors, both by position."""
        own, theirs = self._numbers[anchors], self._numbers[others]
        if self.relevance is None:
            return own == theirs
        return self.relevance.is_relevant(own.astype(np.int64), theirs.astype(np.int64))

    @functools.cached_property
    def _numbers(self) -> NDArray[np.uint32]:
        return self.index.numbers().astype(np.uint32)

    def positive(
        self, places: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
    ) -> NDArray[np.int64]:
        """Another example of each anchor's class, uniform over those that qualify."""
        if self.relevance is not None:
            return self.relevance.positive(places, key, numbers)
        return self._by_group(self._same_class, places, key, numbers, self._groups is not None)

    def negative(
        self, places: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
    ) -> NDArray[np.int64]:
        """An example of another class."""
        if self.relevance is not None:
            return self.relevance.negative(places, key, numbers)
        return self._by_group(self._draw_negative, places, key, numbers, self._apart)

    def _same_class(
        self, places: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
    ) -> NDArray[np.int64]:
        own = self.index.class_at(places)
        drawn = self.index.starts[own] + random_below(key, numbers, self.index.counts[own] - 1)
        drawn += drawn >= places
        return self.index.order[drawn].astype(np.int64)

    def _by_group(
        self, draw: Any, places: NDArray[np.int64], key: Unsigned, numbers: Any, apart: bool
    ) -> NDArray[np.int64]:
        """Draws again what falls into the anchor's group, if they must be apart."""
        drawn = draw(places, key, numbers)
        if not apart or self._groups is None:
            return drawn
        own = self._groups[self.index.order[places]]
        wrong = np.flatnonzero(self._groups[drawn] == own)
        for attempt in range(_TRIES):
            if not len(wrong):
                return drawn
            again = key_of(int(key[0]), attempt)
            drawn[wrong] = draw(places[wrong], again, numbers[wrong])
            wrong = wrong[self._groups[drawn[wrong]] == own[wrong]]
        for one in wrong:  # so few qualify that they are better listed
            drawn[one] = self._listed(draw == self._same_class, places[one], key, numbers[[one]])
        return drawn

    def _listed(self, same: bool, place: int, key: Unsigned, number: NDArray[Any]) -> int:
        index = self.index
        own = int(index.class_at(np.asarray([place]))[0])
        inside = np.zeros(len(index), dtype=bool)
        inside[index.starts[own] : index.starts[own] + index.counts[own]] = True
        candidates = index.order[inside == same]
        if self._groups is not None:
            candidates = candidates[self._groups[candidates] != self._groups[index.order[place]]]
        return int(candidates[random_below(key, number, len(candidates))[0]])


def _related(
    labels: ArrayLike | LabelIndex, relevance: RelevanceFunction
) -> tuple[LabelIndex, Relevance]:
    """Labels of any rank as numbers of their distinct values, and what is relevant to what."""
    if not isinstance(labels, LabelIndex) and np.ndim(labels) == 2:
        numbers, values = label_patterns(labels)
        index = LabelIndex(numbers)
    else:
        index = as_index(labels)
        values = index.classes
    return index, Relevance(index, values, relevance)
