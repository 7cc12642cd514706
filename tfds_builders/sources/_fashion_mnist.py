"""Where Fashion-MNIST comes from, and how it is read.

Reference: [Xiao et al., 2017](https://arxiv.org/abs/1708.07747).
"""

import functools
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._idx import parse_idx, read_bytes

ENVIRONMENT_VARIABLE = "FASHION_MNIST_DIR"
DEBIAN_FOLDER = "/usr/share/datasets/fashion-mnist"
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
# Of the unpacked files: gzip headers differ between the original and Debian's copy.
_SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}

Split = tuple[NDArray[np.uint8], NDArray[np.int64]]


def find_fashion_mnist(manual_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """The first folder that holds all four files, or None.

    Looked at in this order: `manual_dir`, the folder named by the environment variable
    `FASHION_MNIST_DIR`, and that of Debian's package `dataset-fashion-mnist`.

    Args:
        manual_dir: A folder of the caller's.

    Raises:
        FileNotFoundError: `FASHION_MNIST_DIR` is set to a folder that lacks one of the files.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if manual_dir is not None and _holds_all(Path(manual_dir)):
        return Path(manual_dir)
    if named:
        if not _holds_all(Path(named)):
            raise FileNotFoundError(
                f"{ENVIRONMENT_VARIABLE} must name a folder with the files "
                f"{', '.join(_SHA256)}, gzipped or not. Received: {named}"
            )
        return Path(named)
    debian = Path(DEBIAN_FOLDER)
    return debian if _holds_all(debian) else None


def fashion_mnist_files(
    manual_dir: str | os.PathLike[str] | None = None,
    download: Callable[[dict[str, str]], Mapping[str, Any]] | None = None,
) -> dict[str, Path]:
    """The four files by name, downloaded if no local copy is found and the host is reachable.

    Args:
        manual_dir: Folder that is looked at first.
        download: Takes a dict of addresses and returns a dict of paths with the same keys, as
            TFDS's `dl_manager.download` does. None: local copies only.

    Raises:
        FileNotFoundError: There is no local copy, and no way to download one.
    """
    folder = find_fashion_mnist(manual_dir)
    if folder is not None:
        return {name: _in_folder(folder, name) for name in _SHA256}
    if download is None or not can_reach(urlparse(_URL).hostname or ""):
        raise FileNotFoundError(
            "Fashion-MNIST was not found. Any one of these provides it: "
            f"(1) put its four files ({', '.join(name + '.gz' for name in _SHA256)}) into "
            f"TFDS's manual directory{'' if manual_dir is None else f', {manual_dir}'}; "
            f"(2) set {ENVIRONMENT_VARIABLE} to the folder that holds them; "
            "(3) on Debian or Ubuntu, `apt-get install dataset-fashion-mnist`; "
            f"(4) let TFDS download it, which needs a network that reaches {_URL}. "
            "The config `sample` needs none of these: tfds.load('fashion_pairs/sample')."
        )
    paths = download({name: f"{_URL}{name}.gz" for name in _SHA256})
    return {name: Path(os.fspath(path)) for name, path in paths.items()}


def read_fashion_mnist(files: Mapping[str, Path], split: str) -> Split:
    """Images, shape `(examples, 28, 28, 1)`, and labels, shape `(examples,)`, of one split.

    Args:
        files: The four files by name, from `fashion_mnist_files`.
        split: `"train"` or `"test"`.

    Raises:
        ValueError: `split` is unknown, or a file is truncated, altered or no IDX file.
    """
    if split not in _FILES:
        raise ValueError(f"`split` must be one of {list(_FILES)}. Received: split={split!r}")
    images, labels = (_read_checked(files[name], name) for name in _FILES[split])
    return images[..., np.newaxis], labels.astype(np.int64)


def can_reach(host: str, seconds: float = 3.0) -> bool:
    """Whether the host's name is known: without a network, TFDS tries for minutes."""
    found = threading.Event()

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, 80)
        except OSError:
            return
        found.set()

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(seconds)
    return found.is_set()


@functools.lru_cache(maxsize=4)
def _read_cached(path: Path, name: str, modified: int) -> NDArray[np.uint8]:
    content = read_bytes(path)
    array = parse_idx(content, os.fspath(path))
    digest = hashlib.sha256(content).hexdigest()
    if digest != _SHA256[name]:
        raise ValueError(
            f"The file is not Fashion-MNIST's {name}: expected sha256 {_SHA256[name]} of its "
            f"unpacked content. Received: {path} with {digest}"
        )
    return array


def _read_checked(path: Path, name: str) -> NDArray[np.uint8]:
    return _read_cached(path, name, path.stat().st_mtime_ns)


def _in_folder(folder: Path, name: str) -> Path:
    zipped = folder / f"{name}.gz"
    return zipped if zipped.exists() else folder / name


def _holds_all(folder: Path) -> bool:
    return all(_in_folder(folder, name).exists() for name in _SHA256)
