"""Pairs, triplets and balanced batches of Stanford Cars (Cars196)."""

from typing import ClassVar

from tfds_builders.builders import BalancedBuilder, PairsBuilder, TripletsBuilder
from tfds_builders.builders._parts import ZeroShot
from tfds_builders.builders._shipped import Shipped


class Cars196Source(Shipped):
    """Which images these are, and how their classes are divided."""

    SOURCE = "cars196"
    ZERO_SHOT: ClassVar[ZeroShot] = {
        "train": ("train+test", range(98)),
        "test": ("train+test", range(98, 196)),
    }


class Cars196Pairs(Cars196Source, PairsBuilder):
    """Pairs."""


class Cars196Triplets(Cars196Source, TripletsBuilder):
    """Triplets."""


class Cars196Balanced(Cars196Source, BalancedBuilder):
    """Balanced batches."""
