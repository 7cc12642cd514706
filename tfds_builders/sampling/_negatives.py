"""What an example of another class is drawn from."""

import abc
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sampling._hash import Unsigned, mix, random_below
from tfds_builders.sampling._label_index import LabelIndex

# Places of anchors, a key and the numbers of their tuples: positions of examples.
Draw = Callable[[NDArray[np.int64], Unsigned, NDArray[Any]], NDArray[np.int64]]


class Negatives(abc.ABC):
    """A way to choose, for an anchor, an example of another class."""

    @abc.abstractmethod
    def bind(self, index: LabelIndex) -> Draw:
        """The function that draws, or a `ValueError` if this does not fit the labels."""


class UniformExamples(Negatives):
    """All examples of other classes are equally likely."""

    def bind(self, index: LabelIndex) -> Draw:
        index.require_two_classes()

        def draw(
            places: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
        ) -> NDArray[np.int64]:
            own = index.class_at(places)
            start, count = index.starts[own], index.counts[own]
            drawn = random_below(key, numbers, len(index) - count)
            drawn += np.where(drawn >= start, count, 0)
            return index.order[drawn].astype(np.int64)

        return draw


class UniformClasses(Negatives):
    """All other classes are equally likely, and all examples within the one drawn."""

    def bind(self, index: LabelIndex) -> Draw:
        index.require_two_classes()

        def draw(
            places: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
        ) -> NDArray[np.int64]:
            drawn = random_below(key, numbers, len(index.classes) - 1)
            drawn += drawn >= index.class_at(places)
            return member(index, drawn, key, numbers)

        return draw


def member(
    index: LabelIndex, classes: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
) -> NDArray[np.int64]:
    """A uniform example of each class, independent of other draws with the key."""
    drawn = random_below(mix(key), numbers, index.counts[classes])
    return index.order[index.starts[classes] + drawn].astype(np.int64)
