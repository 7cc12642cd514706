"""Pairs, triplets and balanced batches of CIFAR-100."""

from typing import ClassVar

from tfds_builders.builders import BalancedBuilder, PairsBuilder, TripletsBuilder
from tfds_builders.builders._shipped import Shipped


class Cifar100Source(Shipped):
    """Which images these are, and how their classes are divided."""

    SOURCE = "cifar100"
    IMAGE_KEY: ClassVar[str | None] = "image"
    LABEL_KEY: ClassVar[str | None] = "label"  # and not `coarse_label`
    IMAGES_ONCE = True


class Cifar100Pairs(Cifar100Source, PairsBuilder):
    """Pairs."""


class Cifar100Triplets(Cifar100Source, TripletsBuilder):
    """Triplets."""


class Cifar100Balanced(Cifar100Source, BalancedBuilder):
    """Balanced batches."""
