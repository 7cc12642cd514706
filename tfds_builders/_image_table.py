"""The images of a dataset, once, beside the records that name them by row."""

import functools
import io
import os
import zipfile
from typing import Any

import numpy as np
from etils import epath
from numpy.typing import NDArray

FILE_NAME = "images.npz"
_COLUMNS = ("images", "labels", "ids")


class ImageTable:
    """Images, labels and ids by row; read-only.

    Args:
        images: uint8, shape `(rows, height, width, channels)`.
        labels: int64, shape `(rows,)`.
        ids: Position of each row in its split of the source, int64, shape `(rows,)`.
    """

    def __init__(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], ids: NDArray[np.int64]
    ) -> None:
        self.images, self.labels, self.ids = images, labels, ids
        for column in (images, labels, ids):
            column.flags.writeable = False

    def write(self, folder: str | os.PathLike[str]) -> int:
        """Writes the table into `folder`, which TFDS moves into place; returns its bytes."""
        buffer = io.BytesIO()
        columns = {name: getattr(self, name) for name in _COLUMNS}
        np.savez_compressed(buffer, **columns)
        path = epath.Path(folder) / FILE_NAME
        path.write_bytes(buffer.getbuffer())
        return buffer.tell()

    @functools.cached_property
    def tensors(self) -> tuple[Any, Any, Any]:
        """The three columns as tensors that every `tf.data` pipeline shares."""
        import tensorflow as tf

        # Outside of the function that is being traced: the graph then refers to the images
        # instead of holding a copy.
        with tf.init_scope():
            return tuple(tf.constant(getattr(self, name)) for name in _COLUMNS)


def read_table(folder: str | os.PathLike[str]) -> ImageTable:
    """The table in a prepared dataset's folder, read once a process.

    Raises:
        ValueError: The file is damaged.
    """
    path = epath.Path(folder) / FILE_NAME
    return _read(os.fspath(path), path.stat().mtime)


@functools.lru_cache(maxsize=8)
def _read(path: str, modified: float) -> ImageTable:
    try:
        with epath.Path(path).open("rb") as file, np.load(file, allow_pickle=False) as columns:
            return ImageTable(*(columns[name] for name in _COLUMNS))
    except (KeyError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"The images of the dataset are damaged ({error}): build it again. Received: {path}"
        ) from error
