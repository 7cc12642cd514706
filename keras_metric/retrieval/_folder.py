"""A folder of arrays and JSON that is replaced as a whole, or not at all.

`manifest.json` names the data files with their sizes and SHA-256 sums and carries its own
sum. A save writes data files under new names, then moves a new manifest over the old one:
that one step is what makes the save happen. Killed before it, the old manifest still names
the old files; killed after it, only files that nobody names are left behind.
"""

import hashlib
import json
import os
import re
import secrets
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 1
MANIFEST = "manifest.json"
_STALE_SECONDS = 3600
_FILE = re.compile(r"[a-z_]+-[0-9a-f]{16}\.npy")

Arrays = dict[str, NDArray[Any]]


def write_folder(path: str | Path, kind: str, arrays: Arrays, config: dict[str, Any]) -> None:
    """Write arrays and a configuration so that a reader sees all of it or what was before.

    Raises:
        OSError: The folder cannot be written or the disk is full; what was there stays.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    before = _files_of(folder)
    token = secrets.token_hex(8)
    files: dict[str, dict[str, Any]] = {}
    written = [folder / f"{MANIFEST}.{token}"]
    try:
        for name, array in arrays.items():
            written.append(folder / f"{name}-{token}.npy")
            _write(written[-1], array)
            files[name] = {"file": written[-1].name, **_fingerprint(written[-1])}
        manifest = {"format": kind, "version": VERSION, "config": config, "files": files}
        text = json.dumps(manifest | {"sha256": _digest(manifest)}, indent=1)
        _write_bytes(written[0], text.encode())
        os.replace(written[0], folder / MANIFEST)
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise
    _sync(folder)
    _sweep(folder, before, {entry["file"] for entry in files.values()})


def read_folder(path: str | Path, kind: str) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and configuration of a folder that `write_folder` wrote.

    A save by another process while this one reads makes it start again with the new files.

    Raises:
        FileNotFoundError: There is no such folder, or no manifest in it.
        ValueError: The folder is of another kind or version, truncated or altered.
    """
    folder = Path(path)
    for _ in range(10):
        manifest = read_manifest(folder, kind)
        try:
            arrays = {name: _read(folder, entry) for name, entry in manifest["files"].items()}
        except FileNotFoundError as error:
            if read_manifest(folder, kind) == manifest:
                raise ValueError(
                    f"A file of the index is missing. Received: {error.filename}"
                ) from error
            continue
        return arrays, manifest["config"]
    raise ValueError(f"The index is saved faster than it can be read. Received: path={str(path)!r}")


def read_manifest(folder: Path, kind: str) -> dict[str, Any]:
    """The checked manifest of a folder."""
    if not (folder / MANIFEST).is_file():
        what = "The folder holds no index" if folder.is_dir() else "There is no such folder"
        raise FileNotFoundError(
            f"{what}: expected {MANIFEST} in it. Received: path={str(folder)!r}"
        )
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        digest = manifest.pop("sha256")
        found = manifest["format"], manifest["version"]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{MANIFEST} is not one of an index. Received: path={str(folder)!r}"
        ) from error
    if found != (kind, VERSION):
        raise ValueError(
            f"Expected format {kind!r} in version {VERSION}. "
            f"Received: format {found[0]!r} in version {found[1]!r} at {str(folder)!r}"
        )
    if digest != _digest(manifest):
        raise ValueError(f"{MANIFEST} was altered: its sum differs. Received: {str(folder)!r}")
    return manifest


def _write(file: Path, array: NDArray[Any]) -> None:
    if array.dtype.hasobject:
        raise ValueError(f"Only plain arrays are stored. Received: {file.name} of objects")
    with open(file, "xb") as stream:
        # Into an open file numpy writes past Python, and of a full disk it tells only how many
        # numbers it wrote: through `write` alone the error is the system's own.
        plain = SimpleNamespace(write=stream.write)
        np.lib.format.write_array(plain, np.ascontiguousarray(array), allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())


def _write_bytes(file: Path, content: bytes) -> None:
    with open(file, "xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _read(folder: Path, entry: dict[str, Any]) -> NDArray[Any]:
    if not _FILE.fullmatch(entry["file"]):
        raise ValueError(f"A file of an index has a plain name. Received: {entry['file']!r}")
    file = folder / entry["file"]
    found = _fingerprint(file)
    expected = {key: entry[key] for key in found}
    if found != expected:
        raise ValueError(
            f"A file of the index is truncated or altered: expected {expected}. "
            f"Received: {file.name} with {found}"
        )
    return np.load(file, allow_pickle=False)


def _fingerprint(file: Path) -> dict[str, Any]:
    with open(file, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"bytes": stream.tell(), "sha256": digest}


def _digest(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _files_of(folder: Path) -> set[str]:
    """The data files of the index that is there now, if one is."""
    try:
        entries = json.loads((folder / MANIFEST).read_bytes())["files"].values()
        return {entry["file"] for entry in entries if _FILE.fullmatch(entry["file"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _sweep(folder: Path, before: set[str], now: set[str]) -> None:
    """Remove what the old manifest named, and what saves killed an hour ago left."""
    old = time.time() - _STALE_SECONDS
    for file in folder.iterdir():
        ours = _FILE.fullmatch(file.name) or file.name.startswith(f"{MANIFEST}.")
        if ours and file.name not in now and (file.name in before or file.stat().st_mtime < old):
            file.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    if hasattr(os, "O_DIRECTORY"):  # a folder cannot be opened on Windows
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)
