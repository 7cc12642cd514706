"""Images in an array, in memory or mapped from a file."""

import mmap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sources._decode import resized
from tfds_builders.sources._labels import class_ids
from tfds_builders.sources._mapped_file import MappedFile
from tfds_builders.sources._source import Images, Source

_SAMPLES = 64  # images that go into the fingerprint


class ArraySource(Source):
    """Images in an array; one that is memory-mapped may be larger than memory.

    Args:
        images: Shape `(examples, height, width, channels)` or `(examples, height, width)`, of
            numbers. A `numpy.memmap`, such as `numpy.load(path, mmap_mode="r")`, is read from
            its file as needed, here and in worker processes.
        labels: Class of each example, shape `(examples,)`: integers or strings.
        class_names: Name of each class id.

    The fingerprint is taken from the labels and from 64 images spread over the array.

    Raises:
        ValueError: The shapes do not fit, there is no example, or one has no label.

    Example:
        >>> images = np.zeros((3, 28, 28), np.uint8)
        >>> ArraySource(images, ["cat", "dog", "cat"])
        <ArraySource: 3 images of 28 x 28 x 1, 2 classes>
    """

    def __init__(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        class_names: Sequence[str] | None = None,
    ) -> None:
        array = images if isinstance(images, np.ndarray) else np.asarray(images)
        if array.ndim not in (3, 4) or array.dtype.kind not in "uifb":
            raise ValueError(
                "`images` must be numbers of shape (examples, height, width[, channels]). "
                f"Received: images of shape {array.shape} and dtype {array.dtype}"
            )
        if array.ndim == 3:
            array = array[..., np.newaxis]
        ids, names = class_ids(labels, class_names)
        if len(ids) != len(array) or len(ids) == 0:
            raise ValueError(
                "`images` and `labels` must be equally many, and not none. "
                f"Received: {len(array)} images and {len(ids)} labels"
            )
        super().__init__(ids, names, array.shape[1:], array.dtype)
        self._file, self._images = _reopened(array)
        self._example_bytes = int(np.prod(array.shape[1:])) * array.itemsize
        self._in_memory: NDArray[Any] | None = None if self._file else array

    @property
    def is_mapped(self) -> bool:
        """Whether the images are read from a file as needed."""
        return self._file is not None

    @property
    def images(self) -> NDArray[Any]:
        """All images, shape `(examples, height, width, channels)`."""
        if self._in_memory is not None:
            return self._in_memory
        return self._images.view(self._file)

    def _fetch(self, indices: NDArray[np.int64], resize: tuple[int, int] | None) -> Images:
        batch = self.images.take(indices, axis=0)
        if self._file is not None:
            self._file.touch(len(indices), self._example_bytes)
        if resize is None or resize == batch.shape[1:3]:
            return batch
        if not len(batch):
            return np.empty((0, *resize, batch.shape[3]), batch.dtype)
        return np.stack([resized(image, resize) for image in batch])

    def _identity(self) -> Iterable[str | bytes]:
        some = np.unique(np.linspace(0, len(self) - 1, _SAMPLES).astype(np.int64))
        yield f"array {self.image_shape} {self.dtype} {self.class_names}"
        yield self.labels.tobytes()
        yield self._fetch(some, None).tobytes()


class _Layout:
    """Where an array lies in its file."""

    def __init__(self, array: NDArray[Any], offset: int) -> None:
        self.shape, self.dtype, self.offset = array.shape, array.dtype, offset

    def view(self, file: Any) -> NDArray[Any]:
        return np.ndarray(self.shape, self.dtype, buffer=file.bytes, offset=self.offset)


def _reopened(array: NDArray[Any]) -> tuple[MappedFile | None, Any]:
    """The file behind a memory-mapped array and the array's place in it, or twice None.

    A map of our own can be handed to other processes and give its pages back.
    """
    root: Any = array
    while isinstance(root, np.ndarray) and isinstance(root.base, np.ndarray):
        root = root.base
    if not (isinstance(root, np.memmap) and isinstance(root.base, mmap.mmap)):
        return None, None
    if root.filename is None or not array.flags.c_contiguous or root.mode == "c":
        return None, None
    begin = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    return MappedFile(root.filename), _Layout(array, root.offset + begin)
