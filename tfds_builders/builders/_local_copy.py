"""A user's own copy of a dataset, as folders of images by class."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from tfds_builders.sources._folder_source import FolderSource
from tfds_builders.sources._source import Source
from tfds_builders.sources._table_source import TableSource


class LocalCopy:
    """Folders `<split>/<class>/...` or, without splits, `<class>/...`.

    Class ids follow the names that TFDS gives the classes, or the sorted order of the folders
    where names differ or TFDS has none.

    Args:
        folder: Where the copy is.
        label: The label's feature connector.
        channels: Channels of the images.
    """

    def __init__(self, folder: Path, label: Any, channels: int) -> None:
        self.folder, self.channels = folder, channels
        # Without names TFDS makes them from the numbers.
        self.names = getattr(label, "names", None) if getattr(label, "_int2str", None) else None
        self.num_classes = getattr(label, "num_classes", None)
        self.splits = [name for name in ("train", "validation", "test") if (folder / name).is_dir()]

    def sources(self, splits: list[str] | None) -> dict[str, Source]:
        """Sources by the names of `splits`, such as `"train+test"`; None: every split.

        Raises:
            ValueError: A split is wanted that the copy does not tell apart, or its folders
                are not the dataset's classes.
        """
        if splits is None:
            splits = self.splits or ["train"]
        return {split: self._source(split) for split in splits}

    def _source(self, split: str) -> Source:
        wanted = split.split("+")
        if self.splits:
            missing = sorted(set(wanted) - set(self.splits))
            if missing:
                raise ValueError(
                    f"The local copy must have a folder for each split, but {missing[0]}/ is "
                    f"missing. Received: {self.folder}"
                )
            parts = [FolderSource(self.folder / one, channels=self.channels) for one in wanted]
        else:
            if len(wanted) == 1 and wanted != ["train"]:
                raise ValueError(
                    "The local copy must have the folders train/ and test/ for this config. "
                    f"Received: {self.folder} with classes only"
                )
            parts = [FolderSource(self.folder, channels=self.channels)]
        return self._joined(parts)

    def _joined(self, parts: list[FolderSource]) -> Source:
        found = sorted({name for part in parts for name in part.class_names or ()})
        ids = self._ids(found)
        return TableSource(
            [os.fspath(part._path(n)) for part in parts for n in range(len(part))],
            np.concatenate(
                [np.array([ids[n] for n in part.class_names or ()])[part.labels] for part in parts]
            ),
            channels=self.channels,
        )

    def _ids(self, found: list[str]) -> dict[str, int]:
        if self.names is not None and set(found) <= set(self.names):
            place = {name: number for number, name in enumerate(self.names)}
            return {name: place[name] for name in found}
        everywhere = self._all_folders()
        if self.num_classes is not None and len(everywhere) > self.num_classes:
            raise ValueError(
                f"Expected {self.num_classes} classes or fewer. "
                f"Received: {self.folder} with {len(everywhere)} folders of classes"
            )
        place = {name: number for number, name in enumerate(everywhere)}
        return {name: place[name] for name in found}

    def _all_folders(self) -> list[str]:
        roots = [self.folder / split for split in self.splits] or [self.folder]
        return sorted({path.name for root in roots for path in root.iterdir() if path.is_dir()})


def local_folder(dl_manager: Any, name: str, is_own: bool) -> Path | None:
    """The folder of a local copy in TFDS's manual directory, if one is there.

    Args:
        dl_manager: TFDS's download manager.
        name: The source's name, which the folder has.
        is_own: Whether the manual directory was named for this build, so that it may be the
            copy itself; TFDS's default one belongs to all datasets.
    """
    try:
        manual = Path(os.fspath(dl_manager.manual_dir))
    except AssertionError:  # what TFDS raises where there is no such folder, or it is empty
        return None
    if name and (manual / name).is_dir():
        return manual / name
    return manual if is_own and any(path.is_dir() for path in manual.iterdir()) else None
