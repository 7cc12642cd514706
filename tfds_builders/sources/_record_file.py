"""One file of records: where things are in it, and how they are read."""

import abc
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._example_fields import (
    MISSING,
    Fields,
    MalformedRecordError,
    first_integers,
    locate,
)

Positions = NDArray[np.int64]


class RecordFile(abc.ABC):
    """A file of `tf.Example`s that can be read at any place.

    A row is what `index` says of a record: the record's number, and where the image's field
    starts and how long it is.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @abc.abstractmethod
    def index(self, image_key: str, label_key: str) -> dict[str, NDArray[Any]]:
        """Of each record: `starts`, `lengths` and `kinds` of the image, and `labels`."""

    @abc.abstractmethod
    def pieces(self, records: Positions, starts: Positions, lengths: Positions) -> list[Any]:
        """The images' fields, as buffers."""

    @abc.abstractmethod
    def fixed(self, records: Positions, starts: Positions, size: int) -> NDArray[np.uint8]:
        """The images' fields of `size` bytes each, shape `(batch, size)`."""

    @abc.abstractmethod
    def verify(self) -> None:
        """Raises `ValueError` if the checksum of a record is not that of its content."""

    def _describe(
        self,
        data: NDArray[np.uint8],
        starts: Positions,
        lengths: Positions,
        keys: tuple[str, str],
        first: int,
    ) -> dict[str, NDArray[Any]]:
        """The index of some records, of which the first is number `first` of the file."""
        try:
            image, label = locate(data, starts, lengths, list(keys))
        except MalformedRecordError as error:
            raise ValueError(
                f"Record {first + error.record} is no tf.Example. Received: {self.path}"
            ) from error
        for key, field in zip(keys, (image, label), strict=True):
            absent = field.kinds == MISSING
            if absent.any():
                raise ValueError(
                    f"Record {first + int(absent.argmax())} has no field {key!r}. "
                    f"Received: {self.path}"
                )
        return {
            "starts": image.starts,
            "lengths": image.lengths,
            "kinds": image.kinds,
            "labels": self._labels(data, label, keys[1], first),
        }

    def _labels(self, data: NDArray[np.uint8], label: Fields, key: str, first: int) -> NDArray[Any]:
        from tfds_builders.sources._example_fields import BYTES

        if (label.kinds == BYTES).all():
            spans = zip(label.starts.tolist(), label.lengths.tolist(), strict=True)
            return np.array([data[start : start + length].tobytes() for start, length in spans])
        labels, alone = first_integers(data, label)
        if not alone.all():
            raise ValueError(
                f"Every record needs one integer or string as its label; {key!r} of record "
                f"{first + int(np.argmin(alone))} is something else. Received: {self.path}"
            )
        return labels


def concatenated(parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The indexes of parts of a file as one."""
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def require_local(path: str) -> str:
    """The path, or `ValueError` if it is not one of the local file system."""
    if "://" in path:
        raise ValueError(
            f"Random access needs files on a local disk; copy the dataset first. Received: {path}"
        )
    if not os.path.isfile(path):
        raise ValueError(f"A file of the dataset is missing. Received: {path}")
    return path
