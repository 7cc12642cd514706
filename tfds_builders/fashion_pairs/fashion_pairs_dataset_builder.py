"""Pairs of images of Fashion-MNIST: the same kind of thing, or not?"""

from typing import Any, ClassVar

from tfds_builders.builders import PairsBuilder, PairsConfig
from tfds_builders.builders._fashion import FashionSource, configs


class Builder(FashionSource, PairsBuilder):
    """One pair for each image: half with another of its class, half with one of another."""

    BUILDER_CONFIGS: ClassVar[list[Any]] = configs(PairsConfig)
