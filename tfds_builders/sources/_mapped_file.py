"""A file mapped into memory, whose pages are given back."""

import mmap
import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOCK = threading.Lock()
_PAGE = mmap.PAGESIZE
BUDGET = 256 * 2**20
"""Bytes of a file that stay mapped at most; the system's cache of the file is not counted."""


class MappedFile:
    """Reads a file by position, as if it were an array.

    What was read stays in the system's file cache, which gives way when memory is short, but
    would also count as this process's own memory until then. So the pages are handed back
    after every `budget` bytes: reading all of a file larger than memory takes `budget` only.

    Args:
        path: The file.
        budget: Bytes that may be mapped at once.
    """

    def __init__(self, path: str | os.PathLike[str], budget: int = BUDGET) -> None:
        self.path = os.fspath(path)
        self.budget = budget
        self._map: mmap.mmap | None = None
        self._bytes: NDArray[np.uint8] | None = None
        self._touched = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "budget": self.budget}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"], state["budget"])  # type: ignore[misc]

    @property
    def bytes(self) -> NDArray[np.uint8]:
        """The whole file, uint8 of shape `(size,)`; nothing is read yet."""
        if self._bytes is None:
            with _LOCK:
                if self._bytes is None:
                    self._bytes = self._open()
        return self._bytes

    def touch(self, count: int, size: int) -> None:
        """Say that `count` stretches of `size` bytes were read."""
        self._touched += count * (-(-size // _PAGE) + 1) * _PAGE
        if self._touched > self.budget:
            self._touched = 0
            if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
                # Of a read-only map of a file: whoever reads just now takes the page anew.
                self._map.madvise(mmap.MADV_DONTNEED)

    def _open(self) -> NDArray[np.uint8]:
        with open(self.path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return np.empty(0, np.uint8)
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if hasattr(mmap, "MADV_RANDOM"):
            self._map.madvise(mmap.MADV_RANDOM)
        return np.frombuffer(self._map, np.uint8)
