"""Pairs, triplets and balanced batches of Omniglot."""

from pathlib import Path
from typing import ClassVar

from tfds_builders.builders import BalancedBuilder, PairsBuilder, TripletsBuilder
from tfds_builders.builders._parts import ZeroShot
from tfds_builders.builders._published_copy import Files, PublishedCopy, unpacked
from tfds_builders.builders._shipped import Shipped

_FOLDERS = {"train": "images_background", "test": "images_evaluation"}


def _files(folder: Path) -> Files:
    """Drawings are called `<character from 1>_<person>.png`, in a folder for each character."""
    files = sorted(folder.rglob("*_*.png"))
    return files, [int(file.name.partition("_")[0]) - 1 for file in files]


class OmniglotSource(Shipped):
    """Which images these are, and how their classes are divided."""

    SOURCE = "omniglot"
    ZERO_SHOT: ClassVar[ZeroShot] = {"train": ("train", None), "test": ("test", None)}

    def _published_copy(self, folder: Path) -> PublishedCopy | None:
        root = unpacked(folder, "", *_FOLDERS.values())
        return (
            None
            if root is None
            else PublishedCopy({name: _files(root / _FOLDERS[name]) for name in _FOLDERS})
        )


class OmniglotPairs(OmniglotSource, PairsBuilder):
    """Pairs."""


class OmniglotTriplets(OmniglotSource, TripletsBuilder):
    """Triplets."""


class OmniglotBalanced(OmniglotSource, BalancedBuilder):
    """Balanced batches."""
