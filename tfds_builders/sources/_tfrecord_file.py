"""Random access to TFRecord files.

A record is its length (8 bytes), the length's checksum (4), the content and the content's
checksum (4). Reading the lengths one after the other finds every record.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._crc32c import masked_crc32c
from tfds_builders.sources._mapped_file import MappedFile
from tfds_builders.sources._record_file import Positions, RecordFile, concatenated

_HEADER, _FOOTER = 12, 4
_CHUNK = 2**14  # records looked at together
_VERIFIED_BYTES = 2**26


class TfRecordFile(RecordFile):
    """A TFRecord file, mapped into memory."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._file = MappedFile(path)

    def index(self, image_key: str, label_key: str) -> dict[str, NDArray[Any]]:
        starts, lengths = self._scan()
        parts = []
        for first in range(0, max(len(starts), 1), _CHUNK):
            chunk = slice(first, first + _CHUNK)
            parts.append(
                self._describe(
                    self._file.bytes, starts[chunk], lengths[chunk], (image_key, label_key), first
                )
            )
            self._file.touch(len(starts[chunk]), 1)
        return concatenated(parts)

    def pieces(self, records: Positions, starts: Positions, lengths: Positions) -> list[Any]:
        data = self._file.bytes
        self._file.touch(len(starts), int(lengths.mean()) if len(lengths) else 0)
        spans = zip(starts.tolist(), lengths.tolist(), strict=True)
        return [data[start : start + length] for start, length in spans]

    def fixed(self, records: Positions, starts: Positions, size: int) -> NDArray[np.uint8]:
        data = self._file.bytes
        # Every stretch of `size` bytes as one item: numpy then copies whole items.
        items: NDArray[Any] = np.ndarray(
            (len(data) - size + 1,), np.dtype((np.void, size)), buffer=data, strides=(1,)
        )
        self._file.touch(len(starts), size)
        return items[starts].view(np.uint8).reshape(len(starts), size)

    def verify(self) -> None:
        starts, lengths = self._scan()
        data = self._file.bytes
        step = max(_VERIFIED_BYTES // max(int(lengths.max(initial=1)), 1), 1)
        for first in range(0, len(starts), step):
            chunk = slice(first, first + step)
            found = masked_crc32c(data, starts[chunk], lengths[chunk])
            self._require_equal(found, starts[chunk] + lengths[chunk], first, "content")
            self._file.touch(1, int(lengths[chunk].sum()))

    def _scan(self) -> tuple[Positions, Positions]:
        """Where the content of each record starts, and its length."""
        data: Any = self._file.bytes
        size, place = len(data), 0
        length_at = struct.Struct("<Q").unpack_from
        starts: list[int] = []
        while place + _HEADER <= size:
            (length,) = length_at(data, place)
            starts.append(place + _HEADER)
            place += _HEADER + length + _FOOTER
            if len(starts) % _CHUNK == 0:
                self._file.touch(_CHUNK, 1)
        begin = np.array(starts, np.int64)
        # A damaged length is told from a file that ends early by the length's own checksum.
        for first in range(0, len(begin), _CHUNK):
            headers = begin[first : first + _CHUNK] - _HEADER
            crc = masked_crc32c(data, headers, np.full(len(headers), 8, np.int64))
            self._require_equal(crc, headers + 8, first, "length")
            self._file.touch(len(headers), 1)
        if place != size:
            raise ValueError(
                f"The file is truncated: record {max(len(starts) - 1, 0)} ends at byte {place}, "
                f"the file at {size}. Received: {self.path}"
            )
        return begin, np.diff(begin, append=size + _HEADER) - _HEADER - _FOOTER

    def _require_equal(
        self, crc: NDArray[np.uint32], where: Positions, first: int, what: str
    ) -> None:
        data = self._file.bytes
        stored = data[where[:, np.newaxis] + np.arange(4)].copy().view("<u4")[:, 0]
        if (crc != stored).any():
            record = first + int((crc != stored).argmax())
            raise ValueError(
                f"The file is damaged: the {what} of record {record} does not agree with its "
                f"checksum. Received: {self.path}"
            )
