"""Triplets of images of Fashion-MNIST."""

from typing import Any, ClassVar

from tfds_builders.builders import TripletsBuilder, TripletsConfig
from tfds_builders.builders._fashion import FashionSource, configs


class Builder(FashionSource, TripletsBuilder):
    """One triplet for each image: with another of its class, and one of another class."""

    BUILDER_CONFIGS: ClassVar[list[Any]] = configs(TripletsConfig)
