"""Image files listed with their labels."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._decode import DamagedImageError
from tfds_builders.sources._encoded_source import EncodedSource, OnError
from tfds_builders.sources._labels import class_ids


class TableSource(EncodedSource):
    """Image files by path, each with a label.

    Args:
        paths: One path an image; or a CSV file with a header; or a pandas DataFrame. Relative
            paths are looked up in `folder`.
        labels: Class of each image, integers or strings, shape `(images,)`. For a CSV file or
            a DataFrame, the name of the column that holds it. Default: `"label"`.
        path_column: Column of the paths in a CSV file or DataFrame.
        folder: What relative paths start from. Default: the CSV file's folder, else the
            current one.
        channels: 1, 3 or 4: what images are converted to.
        class_names: Name of each class id. Default: the distinct labels where they are strings.
        on_error: `"raise"`, or `"skip"`: a damaged image is replaced by the next whole one of
            its class; see `EncodedSource`.

    Raises:
        ValueError: A column or file is missing, the lengths differ, or an image has no label.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("a.png", "b.png"):
        ...     Image.new("L", (5, 4)).save(folder / name)
        >>> TableSource(["a.png", "b.png"], ["cat", "dog"], folder=folder).fetch([1]).shape
        (1, 4, 5, 3)
    """

    def __init__(
        self,
        paths: Any,
        labels: Any = None,
        *,
        path_column: str = "path",
        folder: str | os.PathLike[str] | None = None,
        channels: int = 3,
        class_names: Sequence[str] | None = None,
        on_error: OnError = "raise",
    ) -> None:
        if channels not in (1, 3, 4):
            raise ValueError(f"`channels` must be 1, 3 or 4. Received: channels={channels}")
        if isinstance(paths, str | os.PathLike):
            folder = Path(paths).parent if folder is None else folder
            paths, labels = _columns(_read_csv(Path(paths)), path_column, labels, os.fspath(paths))
        elif hasattr(paths, "columns"):
            paths, labels = _columns(paths, path_column, labels, "the table")
        self.folder = Path(folder) if folder is not None else Path()
        self.paths = [os.fspath(path) for path in paths]
        ids, names = class_ids([] if labels is None else _as_array(labels), class_names)
        if len(ids) != len(self.paths) or not len(ids):
            raise ValueError(
                "`paths` and `labels` must be equally many, and not none. "
                f"Received: {len(self.paths)} paths and {len(ids)} labels"
            )
        missing = next((n for n in range(len(ids)) if not self._path(n).is_file()), None)
        if missing is not None:
            raise ValueError(f"An image file does not exist. Received: {self._path(missing)}")
        super().__init__(ids, names, (None, None, channels), on_error)

    def _path(self, index: int) -> Path:
        return self.folder / self.paths[index]

    def _read(self, index: int) -> bytes:
        try:
            return self._path(index).read_bytes()
        except OSError as error:
            raise DamagedImageError(str(error)) from error

    def _name(self, index: int) -> str:
        return str(self._path(index))

    def _identity(self) -> Iterable[str | bytes]:
        yield f"files {self.image_shape} {self.class_names}"
        yield self.labels.tobytes()
        for index, path in enumerate(self.paths):
            yield f"{path} {self._path(index).stat().st_size}"


def _read_csv(path: Path) -> dict[str, list[str]]:
    if not path.is_file():
        raise ValueError(f"There is no such CSV file. Received: {path}")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    return {name: [row[name] or "" for row in rows] for name in reader.fieldnames or ()}


def _columns(table: Any, paths: str, labels: Any, name: str) -> tuple[list[Any], NDArray[Any]]:
    labels = "label" if labels is None else labels
    known = list(table) if isinstance(table, dict) else [str(one) for one in table.columns]
    for column in (paths, labels):
        if column not in known:
            raise ValueError(
                f"A column is missing: expected {column!r} among the columns {known} of {name}. "
                f"Received: path_column={paths!r}, labels={labels!r}"
            )
    values = _as_array(table[labels])
    if values.dtype.kind == "U" and all(one.lstrip("-").isdigit() for one in values.tolist()):
        values = values.astype(np.int64)
    return list(table[paths]), values


def _as_array(labels: Any) -> NDArray[Any]:
    return np.asarray(list(labels) if not isinstance(labels, np.ndarray) else labels)
