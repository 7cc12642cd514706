"""A user's own copy of a dataset, laid out as its authors publish it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfds_builders.sources._source import Source
from tfds_builders.sources._table_source import TableSource

Files = tuple[Sequence[str | os.PathLike[str]], Sequence[int]]


class PublishedCopy:
    """Image files and their classes, as the copy's own lists name them.

    Args:
        splits: Paths and class ids of each split.
        channels: Channels of the images.
    """

    def __init__(self, splits: Mapping[str, Files], channels: int = 3) -> None:
        self.splits, self.channels = splits, channels

    def sources(self, splits: list[str] | None) -> dict[str, Source]:
        """Sources by the names of `splits`, such as `"train+test"`; None: every split.

        Raises:
            ValueError: A file is missing.
        """
        return {split: self._source(split) for split in splits or list(self.splits)}

    def _source(self, split: str) -> Source:
        parts = [self.splits[one] for one in split.split("+")]
        paths = [path for files, _ in parts for path in files]
        return TableSource(paths, [i for _, ids in parts for i in ids], channels=self.channels)


def rows(path: Path) -> list[list[str]]:
    """The words of each line of a text file."""
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines()]


def unpacked(folder: Path, archive: str, *needed: str) -> Path | None:
    """The folder that holds `needed`: `folder` itself or the archive's own folder in it."""
    for root in (folder, folder / archive):
        if all((root / name).exists() for name in needed):
            return root
    return None
