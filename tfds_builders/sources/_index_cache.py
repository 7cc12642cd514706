"""Indexes of record files, kept beside the data."""

import hashlib
import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_VERSION = 1
_SIGNATURE = "signature"
_NAME = "tfds_builders"


def cached_index(
    path: str,
    keys: tuple[str, str],
    cache_dir: str | os.PathLike[str] | None,
    make: Callable[[], dict[str, NDArray[Any]]],
) -> dict[str, NDArray[Any]]:
    """The index of the file at `path`: from a cache if there is one, else made and kept.

    It is kept in `cache_dir`, by default beside the file or, if that cannot be written to, in
    the user's cache folder. An index of a file that has changed is made anew, and one that is
    damaged as well.
    """
    status = os.stat(path)
    signature = np.array([_VERSION, status.st_size, status.st_mtime_ns], np.int64)
    places = [Path(cache_dir)] if cache_dir is not None else default_places(path)
    files = [place / _file_name(path, keys, place) for place in places]
    for file in files:
        found = _read(file, signature)
        if found is not None:
            return found
    index = make()
    if not any(_write(file, {**index, _SIGNATURE: signature}) for file in files):
        warnings.warn(
            f"The index of {path} could not be kept in any of {[str(p) for p in places]}, so it "
            "is made anew each time; `cache_dir=` names a folder for it",
            stacklevel=2,
        )
    return index


def default_places(path: str) -> list[Path]:
    """Beside the file, then in the user's cache folder."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return [Path(path).parent, Path(root) / _NAME]


def _file_name(path: str, keys: tuple[str, str], place: Path) -> str:
    # Away from the data, files of several datasets lie together.
    folder = Path(path).parent
    text = "\0".join(("" if place == folder else os.path.abspath(folder), *keys))
    return f".{os.path.basename(path)}.{hashlib.sha256(text.encode()).hexdigest()[:12]}.index.npz"


def _read(path: Path, signature: NDArray[np.int64]) -> dict[str, NDArray[Any]] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
    stored = arrays.pop(_SIGNATURE, None)
    return arrays if stored is not None and np.array_equal(stored, signature) else None


def _write(path: Path, arrays: dict[str, NDArray[Any]]) -> bool:
    """Whether the file could be written; it appears whole or not at all."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type, unused-ignore]
        os.replace(temporary, path)
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        return False
    return True
