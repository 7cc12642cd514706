"""Decoded images kept, in memory or in a file."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources import ArraySource, Source

_CHUNK_BYTES = 2**26


def cached(source: Source, resize: tuple[int, int] | None, cache: Any) -> Source:
    """The source with its images kept as they are after decoding and resizing.

    Args:
        source: Where the images come from.
        resize: Height and width, or None.
        cache: True: in memory, as they are read. A path: in a file of this folder, written
            once, before the first batch.

    Raises:
        ValueError: `cache` is something else.
    """
    if cache is True:
        return MemoryCache(source, resize)
    if not isinstance(cache, str | os.PathLike):
        raise ValueError(
            f"`cache` must be True, False or the path of a folder. Received: cache={cache!r}"
        )
    shape = _shape(source, resize)
    name = f"{source.fingerprint}-{'x'.join(map(str, shape))}.npy"
    path = Path(cache) / name
    if not path.exists():
        _write(source, resize, shape, path)
    return ArraySource(np.load(path, mmap_mode="r"), source.labels, source.class_names)


class MemoryCache(Source):
    """Keeps each image once it was read: `examples * height * width * channels` bytes."""

    def __init__(self, source: Source, resize: tuple[int, int] | None) -> None:
        shape = _shape(source, resize)
        super().__init__(source.labels, source.class_names, shape, source.dtype)
        self._source, self._resize = source, resize
        self._images: NDArray[Any] = np.empty((len(source), *shape), source.dtype)
        self._is_read = np.zeros(len(source), bool)

    def __getstate__(self) -> dict[str, Any]:
        # What was read stays here: a worker process reads for itself.
        return {**self.__dict__, "_images": None, "_is_read": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._images = np.empty((len(self.labels), *(s or 0 for s in self.image_shape)), self.dtype)
        self._is_read = np.zeros(len(self.labels), bool)

    def _fetch(self, indices: NDArray[np.int64], resize: tuple[int, int] | None) -> Any:
        if resize is not None and resize != self.image_shape[:2]:
            return self._source._fetch(indices, resize)
        missing = np.unique(indices[~self._is_read[indices]])
        if len(missing):
            self._images[missing] = self._source._fetch(missing, self._resize)
            self._is_read[missing] = True
        return self._images.take(indices, axis=0)

    def _identity(self) -> Iterable[str | bytes]:
        return "cache", self._source.fingerprint, str(self._resize)


def _shape(source: Source, resize: tuple[int, int] | None) -> tuple[int, ...]:
    size = source.image_shape[:2] if resize is None else resize
    return tuple(int(s or 0) for s in (*size, source.image_shape[2]))


def _write(
    source: Source, resize: tuple[int, int] | None, shape: tuple[int, ...], path: Path
) -> None:
    from tqdm import tqdm

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        out = np.lib.format.open_memmap(temporary, "w+", source.dtype, (len(source), *shape))
        step = max(_CHUNK_BYTES // max(int(np.prod(shape)), 1), 1)
        starts = range(0, len(source), step)
        for start in tqdm(starts, desc="Caching images", disable=len(starts) < 3):
            stop = min(start + step, len(source))
            out[start:stop] = source.fetch(np.arange(start, stop), resize)
        out.flush()
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
