"""Pairs, triplets and balanced batches of Caltech-UCSD Birds 200-2011 (CUB)."""

from pathlib import Path
from typing import ClassVar

from tfds_builders.builders import BalancedBuilder, PairsBuilder, TripletsBuilder
from tfds_builders.builders._parts import ZeroShot
from tfds_builders.builders._published_copy import Files, PublishedCopy, rows, unpacked
from tfds_builders.builders._shipped import Shipped

_LISTS = ("images.txt", "image_class_labels.txt", "train_test_split.txt")


def _files(root: Path, is_train: str) -> Files:
    """Each list holds an image's number and its path, class (from 1) or split."""
    paths, classes, splits = (dict(rows(root / name)) for name in _LISTS)
    wanted = [number for number in paths if splits[number] == is_train]
    files = [root / "images" / paths[number] for number in wanted]
    return files, [int(classes[number]) - 1 for number in wanted]


class CaltechBirds2011Source(Shipped):
    """Which images these are, and how their classes are divided."""

    SOURCE = "caltech_birds2011"
    IMAGE_KEY: ClassVar[str | None] = "image"
    LABEL_KEY: ClassVar[str | None] = "label"
    ZERO_SHOT: ClassVar[ZeroShot] = {
        "train": ("train+test", range(100)),
        "test": ("train+test", range(100, 200)),
    }

    def _published_copy(self, folder: Path) -> PublishedCopy | None:
        root = unpacked(folder, "CUB_200_2011", *_LISTS)
        return (
            None
            if root is None
            else PublishedCopy({"train": _files(root, "1"), "test": _files(root, "0")})
        )


class CaltechBirds2011Pairs(CaltechBirds2011Source, PairsBuilder):
    """Pairs."""


class CaltechBirds2011Triplets(CaltechBirds2011Source, TripletsBuilder):
    """Triplets."""


class CaltechBirds2011Balanced(CaltechBirds2011Source, BalancedBuilder):
    """Balanced batches."""
