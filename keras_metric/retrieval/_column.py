"""An array that grows at its end at a constant cost a row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Column:
    """Rows in one block of memory that doubles when it is full.

    Args:
        rows: The first rows; their dtype and width stay.
    """

    def __init__(self, rows: NDArray[Any]) -> None:
        self._block, self._size = rows.copy(), len(rows)

    @property
    def rows(self) -> NDArray[Any]:
        """What is there now, as a view."""
        return self._block[: self._size]

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows; labels that are no longer all integers make the column hold objects."""
        if rows.dtype != self._block.dtype:
            self._block = self._block.astype(object)
        size = self._size + len(rows)
        if size > len(self._block):
            shape = (max(size, 2 * len(self._block), 64), *self._block.shape[1:])
            block = np.empty(shape, self._block.dtype)
            block[: self._size] = self.rows
            self._block = block
        self._block[self._size : size] = rows
        self._size = size

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Only the rows where `mask` is true stay."""
        self._block = self.rows[mask]
        self._size = len(self._block)
