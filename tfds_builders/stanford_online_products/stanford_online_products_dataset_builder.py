"""Pairs, triplets and balanced batches of Stanford Online Products (SOP)."""

from pathlib import Path
from typing import ClassVar

from tfds_builders.builders import BalancedBuilder, PairsBuilder, TripletsBuilder
from tfds_builders.builders._parts import ZeroShot
from tfds_builders.builders._published_copy import Files, PublishedCopy, rows, unpacked
from tfds_builders.builders._shipped import Shipped

_LISTS = {"train": "Ebay_train.txt", "test": "Ebay_test.txt"}


def _files(root: Path, name: str) -> Files:
    """Below a header each line holds an image's number, its class (from 1), its kind and path."""
    lines = rows(root / name)[1:]
    return [root / line[3] for line in lines], [int(line[1]) - 1 for line in lines]


class StanfordOnlineProductsSource(Shipped):
    """Which images these are, and how their classes are divided."""

    SOURCE = "stanford_online_products"
    IMAGE_KEY: ClassVar[str | None] = "image"
    LABEL_KEY: ClassVar[str | None] = "class_id"
    ZERO_SHOT: ClassVar[ZeroShot] = {"train": ("train", None), "test": ("test", None)}
    # Every product has two photographs; few have four.
    CLASSES_PER_BATCH, EXAMPLES_PER_CLASS = 32, 2

    def _published_copy(self, folder: Path) -> PublishedCopy | None:
        root = unpacked(folder, "Stanford_Online_Products", *_LISTS.values())
        return (
            None
            if root is None
            else PublishedCopy({name: _files(root, _LISTS[name]) for name in _LISTS})
        )


class StanfordOnlineProductsPairs(StanfordOnlineProductsSource, PairsBuilder):
    """Pairs."""


class StanfordOnlineProductsTriplets(StanfordOnlineProductsSource, TripletsBuilder):
    """Triplets."""


class StanfordOnlineProductsBalanced(StanfordOnlineProductsSource, BalancedBuilder):
    """Balanced batches."""
