"""Random access to ArrayRecord files, by their own reader."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._record_file import Positions, RecordFile, concatenated

_CHUNK = 2**12  # records read together
_LOCK = threading.Lock()


class ArrayRecordFile(RecordFile):
    """An ArrayRecord file; its reader is opened once it is needed, in each process."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._reader: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_reader": None}

    def index(self, image_key: str, label_key: str) -> dict[str, NDArray[Any]]:
        count = int(self._open().num_records())
        if not count:
            # The reader does not tell a file that was cut off from one without records.
            raise ValueError(
                f"The file is empty, truncated or could not be read. Received: {self.path}"
            )
        parts = []
        for first in range(0, max(count, 1), _CHUNK):
            records = self._read(np.arange(first, min(first + _CHUNK, count)))
            lengths = np.array([len(one) for one in records], np.int64)
            starts = np.cumsum(lengths) - lengths
            data = np.frombuffer(b"".join(records), np.uint8)
            part = self._describe(data, starts, lengths, (image_key, label_key), first)
            parts.append({**part, "starts": part["starts"] - starts})
        return concatenated(parts)

    def pieces(self, records: Positions, starts: Positions, lengths: Positions) -> list[Any]:
        spans = zip(self._read(records), starts.tolist(), lengths.tolist(), strict=True)
        return [record[start : start + length] for record, start, length in spans]

    def fixed(self, records: Positions, starts: Positions, size: int) -> NDArray[np.uint8]:
        pieces = self.pieces(records, starts, np.full(len(starts), size, np.int64))
        return np.frombuffer(b"".join(pieces), np.uint8).reshape(len(starts), size)

    def verify(self) -> None:
        count = int(self._open().num_records())
        for first in range(0, count, _CHUNK):
            self._read(np.arange(first, min(first + _CHUNK, count)))

    def _read(self, records: Positions) -> list[bytes]:
        try:
            return self._open().read(records.tolist()) if len(records) else []
        except Exception as error:
            raise ValueError(
                f"Records could not be read ({error}). Received: {self.path}"
            ) from error

    def _open(self) -> Any:
        with _LOCK:
            if self._reader is None:
                self._reader = _reader(self.path)
        return self._reader


def _reader(path: str) -> Any:
    try:
        from array_record.python import array_record_module
    except ImportError as error:
        raise ImportError(
            'Reading array_record files needs grain: pip install "keras-metric[grain]". '
            f"Received: {path}"
        ) from error
    try:
        # Nothing read ahead: what is read is not what comes next.
        return array_record_module.ArrayRecordReader(
            path, options="readahead_buffer_size:0", file_reader_buffer_size=2**15
        )
    except Exception as error:
        raise ValueError(f"The file could not be opened ({error}). Received: {path}") from error
