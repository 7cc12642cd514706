"""Sources whose images are decoded when they are read."""

import abc
import functools
import itertools
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._decode import DamagedImageError, decode
from tfds_builders.sources._labels import ClassNames
from tfds_builders.sources._source import Images, Source

OnError = Literal["raise", "skip"]


class EncodedSource(Source):
    """Reads encoded images and decodes them, on several threads.

    With `on_error="skip"` an image that is damaged is replaced by the next whole one of its
    class, in the order of positions and from the start again after the last, so that batches
    keep their shape and labels stay true. `damaged` holds the positions met so far, and a
    warning names the first. `without_damaged` leaves them out for good.

    Attributes:
        damaged: Positions of damaged images met so far; filled by `on_error="skip"` only.
    """

    def __init__(
        self,
        labels: NDArray[np.int64],
        class_names: ClassNames,
        image_shape: Sequence[int | None],
        on_error: OnError,
    ) -> None:
        if on_error not in ("raise", "skip"):
            raise ValueError(
                f"`on_error` must be 'raise' or 'skip'. Received: on_error={on_error!r}"
            )
        super().__init__(labels, class_names, image_shape)
        self.is_decoded = False
        self.on_error = on_error
        self.damaged: set[int] = set()

    @property
    def num_damaged(self) -> int:
        """Number of damaged images met so far."""
        return len(self.damaged)

    def without_damaged(self, batch_size: int = 256) -> Source:
        """The source without damaged images, found by reading every image once.

        `damaged` then holds the positions of all that are damaged.
        """
        from tqdm import tqdm

        starts = range(0, len(self), batch_size)
        for start in tqdm(starts, desc="Reading every image", disable=len(starts) < 100):
            for one in range(start, min(start + batch_size, len(self))):
                try:
                    self._decoded(one, None)
                except DamagedImageError:
                    self.damaged.add(one)
        return self.select(~np.isin(np.arange(len(self)), sorted(self.damaged)))

    def _fetch(self, indices: NDArray[np.int64], resize: tuple[int, int] | None) -> Images:
        if self.on_error == "skip":
            images = in_threads(lambda one: self._replaced(one, resize), indices.tolist())
        else:
            items = list(zip(indices.tolist(), self._read_ahead(indices), strict=True))
            images = in_threads(lambda item: self._decoded(item[0], resize, item[1]), items)
        shapes = {image.shape for image in images}
        if not images:
            size = self.image_shape[:2] if resize is None else resize
            return np.empty((0, *(s or 0 for s in size), self.image_shape[2] or 0), self.dtype)
        return np.stack(images) if len(shapes) == 1 else images

    def _read_ahead(self, indices: NDArray[np.int64]) -> Sequence[Any]:
        """The encoded images where reading them together is faster; else None for each."""
        return [None] * len(indices)

    def _decoded(
        self, index: int, resize: tuple[int, int] | None, encoded: Any = None
    ) -> NDArray[np.uint8]:
        try:
            return self._decode(self._read(index) if encoded is None else encoded, resize)
        except DamagedImageError as error:
            raise DamagedImageError(
                f"An image could not be read: {error}. Received: {self._name(index)}"
            ) from error

    def _decode(self, encoded: Any, resize: tuple[int, int] | None) -> NDArray[np.uint8]:
        return decode(encoded, self.image_shape[2] or 3, resize)

    def _replaced(self, index: int, resize: tuple[int, int] | None) -> NDArray[np.uint8]:
        """The image, or the next whole one of its class."""
        first_error = None
        for one in self._candidates(index):
            if one in self.damaged:
                continue
            try:
                return self._decoded(one, resize)
            except DamagedImageError as error:
                self._note(one, error)
                first_error = first_error or error
        raise DamagedImageError(
            f"No image of class {self.labels[index]} could be read. Received: {self._name(index)}"
        ) from first_error

    def _candidates(self, index: int) -> Any:
        yield index
        alike = np.flatnonzero(self.labels == self.labels[index])
        place = int(np.searchsorted(alike, index))
        yield from np.roll(alike, -place - 1)[:-1].tolist()

    def _note(self, index: int, error: DamagedImageError) -> None:
        self.damaged.add(index)
        if len(self.damaged) == 1:
            warnings.warn(
                f"{error}. It is replaced by another image of its class; see `damaged`",
                stacklevel=2,
            )

    @abc.abstractmethod
    def _read(self, index: int) -> Any:
        """The encoded image, or `DamagedImageError`."""

    @abc.abstractmethod
    def _name(self, index: int) -> str:
        """Where the image is, for errors."""


def in_threads(function: Callable[[Any], Any], items: Sequence[Any], least: int = 16) -> list[Any]:
    """`function` of each item; several threads share them where there are enough."""
    threads = min(_num_threads(), len(items) // least)
    if threads < 2:
        return [function(item) for item in items]
    cuts = [len(items) * part // threads for part in range(threads + 1)]
    parts = [items[a:b] for a, b in itertools.pairwise(cuts)]
    run = _pool(os.getpid()).map(lambda part: [function(item) for item in part], parts)
    return [result for part in run for result in part]


def _num_threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of this process: those of a parent do not live on in a fork."""
    return ThreadPoolExecutor(_num_threads(), thread_name_prefix="tfds_builders")
