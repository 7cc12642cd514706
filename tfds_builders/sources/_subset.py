"""A part of a source."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._source import Images, Source


class Subset(Source):
    """The examples of `parent` at `positions`; made by `Source.select`."""

    def __init__(self, parent: Source, positions: NDArray[np.int64]) -> None:
        super().__init__(
            parent.labels[positions], parent.class_names, parent.image_shape, parent.dtype
        )
        self.is_decoded = parent.is_decoded
        self.parent = parent
        self.positions = positions

    def _fetch(self, indices: NDArray[np.int64], resize: tuple[int, int] | None) -> Images:
        return self.parent._fetch(self.positions[indices], resize)

    def _identity(self) -> Iterable[str | bytes]:
        return "subset", self.parent.fingerprint, self.positions.tobytes()
