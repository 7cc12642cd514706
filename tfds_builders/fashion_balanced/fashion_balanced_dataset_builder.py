"""Fashion-MNIST in an order of class-balanced batches."""

from typing import Any, ClassVar

from tfds_builders.builders import BalancedBuilder, BalancedConfig
from tfds_builders.builders._fashion import FashionSource, configs


class Builder(FashionSource, BalancedBuilder):
    """Every `batch(P * K)`, read in the stored order, holds P classes with K examples each.

    By default P = 10 and K = 13, so `batch(130)`, and P = 5 in the configs of five classes, so
    `batch(65)`. Every image comes at least once; a few come twice, because K does not divide
    the number of images of a class. The stored order must be kept: shuffle whole batches, not
    images.
    """

    CLASSES_PER_BATCH = 10
    EXAMPLES_PER_CLASS = 13
    BUILDER_CONFIGS: ClassVar[list[Any]] = configs(BalancedConfig)
