"""Images as they are stored, without a detour through pixels where there is none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._encoded_source import EncodedSource
from tfds_builders.sources._source import Source
from tfds_builders.sources._subset import Subset

_STORED_AS_IS = (b"\x89PNG", b"\xff\xd8\xff")


class Reader:
    """Reads the images of a source: PNG and JPEG files as bytes, all else as arrays.

    An image that is stored as it is was decoded once, so that a damaged one is found, and
    named, when a dataset is built and not when it is read.

    Args:
        source: The images.
        resize: Height and width to bring every image to, or None.
    """

    def __init__(self, source: Source, resize: tuple[int, int] | None) -> None:
        self.source, self.resize = source, resize
        self._sound = np.zeros(len(source), bool)

    def read(self, positions: NDArray[np.int64]) -> Sequence[Any]:
        """Bytes or arrays of shape `(height, width, channels)`, one an image.

        Raises:
            ValueError: An image is damaged; the message names its file.
        """
        if self.resize is None:
            encoded = self._encoded(positions)
            if encoded is not None:
                return encoded
        return list(self.source.fetch(positions, self.resize))

    def _encoded(self, positions: NDArray[np.int64]) -> list[bytes] | None:
        source, where = self.source, positions
        while isinstance(source, Subset):
            where = source.positions[where]
            source = source.parent
        if not isinstance(source, EncodedSource) or source.on_error != "raise":
            return None
        images = [bytes(source._read(index)) for index in where.tolist()]
        if not all(image.startswith(_STORED_AS_IS) for image in images):
            return None
        unknown = positions[~self._sound[positions]]
        if len(unknown):
            self.source.fetch(unknown)
            self._sound[unknown] = True
        return images
