"""Records of tuples, made block by block."""

import dataclasses
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfds_builders.builders._encoded import Reader

BLOCK = 64


@dataclasses.dataclass
class Members:
    """Names of a dataset's features, and what hangs together.

    Attributes:
        names: For each member of a tuple the names of its image, its label and its id.
        same: Name of the feature that is 1 if the first two members' labels are equal.
    """

    names: Sequence[tuple[str, str, str]]
    same: str | None = None


class TupleMaker:
    """Makes records `start` to `stop` of a split from positions that a sampler draws.

    It holds the images of one block of tuples at a time and can be sent to other processes;
    record `j` is the same wherever it is made.

    Args:
        sampler: Has `take(start, stop)`, positions of shape `(stop - start, members)`.
        reader: Reads the images; None: records hold rows of a table, `first_row` on.
        labels: Class of each position.
        ids: Id of each position.
        members: Names of the features.
        first_row: Row of position 0 in the table.
    """

    def __init__(
        self,
        sampler: Any,
        reader: Reader | None,
        labels: Any,
        ids: Any,
        members: Members,
        first_row: int = 0,
    ) -> None:
        self.sampler, self.reader, self.members = sampler, reader, members
        self.labels, self.ids, self.first_row = labels, ids, first_row

    def __call__(self, start: int, stop: int) -> Iterator[tuple[int, Any]]:
        """Numbers and contents of the records."""
        positions = self.sampler.take(start, stop)
        if self.reader is None:
            yield from zip(range(start, stop), positions + self.first_row, strict=True)
            return
        needed, places = np.unique(positions, return_inverse=True)
        images = self.reader.read(needed)
        for number, row, where in zip(
            range(start, stop), positions, places.reshape(positions.shape), strict=True
        ):
            yield number, self._example(row, [images[place] for place in where])

    def blocks(self, num_records: int) -> list[tuple[int, int]]:
        """Ranges of records that are made at a time."""
        size = BLOCK if self.reader else 4096
        return [(start, min(start + size, num_records)) for start in range(0, num_records, size)]

    def _example(self, row: Any, images: Sequence[Any]) -> dict[str, Any]:
        example: dict[str, Any] = {}
        for position, image, names in zip(row, images, self.members.names, strict=True):
            image_key, label_key, id_key = names
            example[image_key] = io.BytesIO(image) if isinstance(image, bytes) else image
            example[label_key] = int(self.labels[position])
            example[id_key] = int(self.ids[position])
        if self.members.same is not None:
            (_, a, _), (_, b, _) = self.members.names[:2]
            example[self.members.same] = int(example[a] == example[b])
        return example
