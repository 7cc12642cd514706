"""Pairs, triplets and balanced batches of CIFAR-10."""

from tfds_builders.builders import BalancedBuilder, PairsBuilder, TripletsBuilder
from tfds_builders.builders._shipped import Shipped


class Cifar10Source(Shipped):
    """Which images these are, and how their classes are divided."""

    SOURCE = "cifar10"
    IMAGES_ONCE = True


class Cifar10Pairs(Cifar10Source, PairsBuilder):
    """Pairs."""


class Cifar10Triplets(Cifar10Source, TripletsBuilder):
    """Triplets."""


class Cifar10Balanced(Cifar10Source, BalancedBuilder):
    """Balanced batches."""
