"""The IDX format of MNIST and its relatives."""

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a file, unpacked if it is gzipped.

    Raises:
        ValueError: The gzip stream is damaged or ends early.
    """
    content = Path(path).read_bytes()
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"Expected a whole gzip file, but it is truncated or damaged ({error}). "
            f"Received: {os.fspath(path)}"
        ) from error


def parse_idx(content: bytes, name: str) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file; `name` is what errors call it.

    Raises:
        ValueError: The magic number is not that of unsigned bytes, or the length is not the
            one that the header states.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise ValueError(
            "Expected an IDX file of unsigned bytes, which begins with 00 00 08. "
            f"Received: {name} beginning with {content[:4].hex(' ') or 'nothing'}"
        )
    header = 4 + 4 * content[3]
    shape = (
        tuple(np.frombuffer(content[4:header], dtype=">u4").tolist())
        if (len(content) >= header)
        else None
    )
    if shape is None or len(content) != header + math.prod(shape):
        expected = "a longer header" if shape is None else f"{header + math.prod(shape)} bytes"
        raise ValueError(
            f"The file is truncated or too long: expected {expected}. "
            f"Received: {name} of {len(content)} bytes"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
