"""Errors of the disk, in words that say what to do."""

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def explained(data_path: Any) -> Iterator[None]:
    """Names the folder and the remedy where the disk is full or cannot be written.

    TFDS writes into a folder of another name and moves it when it is whole, so what was there
    before stays, and what was begun is removed.
    """
    try:
        yield
    except Exception as error:
        if _is(error, (errno.ENOSPC, errno.EDQUOT), ("No space left", "Disk quota exceeded")):
            raise OSError(
                errno.ENOSPC,
                "The disk is full. Nothing that was there is lost and no half of the dataset is "
                "left; free some space, or give another `data_dir`. Received: data_dir",
                os.fspath(data_path),
            ) from error
        if _is(error, (errno.EACCES, errno.EROFS, errno.EPERM), ("Read-only", "ermission denied")):
            raise PermissionError(
                errno.EACCES,
                "The dataset is not there and its folder cannot be written. Give another "
                "`data_dir`, or build it as a user who may write. Received: data_dir",
                os.fspath(data_path),
            ) from error
        raise


def _is(error: BaseException | None, numbers: tuple[int, ...], texts: tuple[str, ...]) -> bool:
    """Whether the error, or what it was raised from, is one of these."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in numbers:
            return True
        # TensorFlow's file system raises errors of its own, with the system's text.
        if any(text in str(error) for text in texts):
            return True
        error = error.__cause__ or error.__context__
    return False
