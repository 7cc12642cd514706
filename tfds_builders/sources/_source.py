"""What a source of labelled images can do."""

import abc
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sources._labels import ClassNames, chosen_classes

Images = Any
"""An array of shape `(batch, height, width, channels)`, or a list of arrays of various sizes."""


class Source(abc.ABC):
    """Labelled images, looked up by position.

    A subclass hands labels and shape to this class's constructor and defines `_fetch` and
    `_identity`.

    Attributes:
        labels: Class id of each example, int64 of shape `(examples,)`, never negative.
        class_names: Name of each class id, or None.
        image_shape: `(height, width, channels)`, None where it differs between images.
        dtype: Type of the images' values: uint8 but for arrays of other types.
        is_decoded: Whether images lie ready and reading them is copying.

    Example:
        >>> from tfds_builders.sources import ArraySource
        >>> source = ArraySource(np.zeros((4, 2, 2, 1), np.uint8), [0, 0, 1, 1])
        >>> len(source), source.image_shape, source.fetch([3, 0]).shape
        (4, (2, 2, 1), (2, 2, 2, 1))
    """

    def __init__(
        self,
        labels: NDArray[np.int64],
        class_names: ClassNames,
        image_shape: Sequence[int | None],
        dtype: Any = np.uint8,
    ) -> None:
        self.labels = labels
        self.class_names = class_names
        self.image_shape: tuple[int | None, ...] = tuple(image_shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.is_decoded = True
        self._fingerprint: str | None = None

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.labels)

    def __repr__(self) -> str:
        shape = " x ".join("?" if size is None else str(size) for size in self.image_shape)
        classes = len(np.unique(self.labels))
        return f"<{type(self).__name__}: {len(self):,} images of {shape}, {classes:,} classes>"

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that stay the same as long as the data does."""
        if self._fingerprint is None:
            digest = hashlib.sha256()
            for part in self._identity():
                digest.update(part.encode() if isinstance(part, str) else part)
                digest.update(b"\0")
            self._fingerprint = digest.hexdigest()[:32]
        return self._fingerprint

    def fetch(self, indices: ArrayLike, resize: tuple[int, int] | None = None) -> Images:
        """The images at `indices`.

        Args:
            indices: Positions, shape `(batch,)`, in any order and with repetitions.
            resize: Height and width to bring every image to. None: as they are.

        Returns:
            An array of shape `(batch, height, width, channels)` if the images agree in size,
            else a list of `batch` arrays.

        Raises:
            IndexError: A position lies outside `[0, len)`.
            ValueError: `indices` are not integers of rank 1, `resize` is no pair of sizes, or
                an image is damaged; the message names its file.
        """
        where = np.asarray(indices)
        if where.ndim != 1 or (where.dtype.kind not in "iu" and where.size):
            raise ValueError(
                "`indices` must be integers of shape (batch,). "
                f"Received: indices of shape {where.shape} and dtype {where.dtype}"
            )
        if where.size and not (where.min() >= 0 and where.max() < len(self)):
            raise IndexError(
                f"`indices` must lie from 0 to {len(self) - 1}. "
                f"Received: indices from {where.min()} to {where.max()}"
            )
        return self._fetch(where.astype(np.int64, copy=False), check_size(resize))

    def select(
        self, mask: ArrayLike | None = None, *, classes: Iterable[int | str] | None = None
    ) -> "Source":
        """The examples where `mask` is true, or of `classes`; labels keep their ids.

        Args:
            mask: Boolean of shape `(examples,)`, or positions.
            classes: Class ids or names.

        Raises:
            ValueError: Not exactly one of the two is given, the mask has another length, or a
                class has no example.

        Example:
            >>> from tfds_builders.sources import ArraySource
            >>> source = ArraySource(np.zeros((4, 2, 2, 1), np.uint8), [0, 0, 7, 7])
            >>> source.select(classes=[7]).labels.tolist()
            [7, 7]
        """
        from tfds_builders.sources._subset import Subset

        if (mask is None) == (classes is None):
            raise ValueError(
                "Give either `mask` or `classes`. "
                f"Received: mask={None if mask is None else '...'}, classes={classes}"
            )
        if classes is not None:
            wanted = chosen_classes(classes, self.class_names)
            absent = wanted[~np.isin(wanted, self.labels)]
            if len(absent):
                raise ValueError(
                    f"Every class must have an example. Received: classes with {absent[0]}"
                )
            return Subset(self, np.flatnonzero(np.isin(self.labels, wanted)))
        return Subset(self, self._positions(np.asarray(mask)))

    def _positions(self, mask: NDArray[Any]) -> NDArray[np.int64]:
        if mask.dtype == bool:
            if mask.shape != (len(self),):
                raise ValueError(
                    f"`mask` must be of shape ({len(self)},). Received: shape {mask.shape}"
                )
            return np.flatnonzero(mask)
        if (
            mask.ndim != 1
            or mask.dtype.kind not in "iu"
            or mask.min() < 0
            or mask.max() >= len(self)
        ):
            raise ValueError(
                f"`mask` must be boolean or hold positions from 0 to {len(self) - 1}. "
                f"Received: mask of shape {mask.shape} and dtype {mask.dtype}"
            )
        return mask.astype(np.int64)

    @abc.abstractmethod
    def _fetch(self, indices: NDArray[np.int64], resize: tuple[int, int] | None) -> Images:
        """As `fetch`, with checked arguments."""

    @abc.abstractmethod
    def _identity(self) -> Iterable[str | bytes]:
        """What the fingerprint is made from."""


def check_size(resize: Any) -> tuple[int, int] | None:
    """`resize` as a pair of integers, or None."""
    if resize is None:
        return None
    sizes = tuple(resize) if isinstance(resize, tuple | list | np.ndarray) else ()
    if len(sizes) != 2 or not all(isinstance(s, int | np.integer) and s > 0 for s in sizes):
        raise ValueError(
            f"`resize` must be (height, width), two positive integers. Received: resize={resize!r}"
        )
    return int(sizes[0]), int(sizes[1])
