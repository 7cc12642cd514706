"""Weights of ready networks: published ones, or a file."""

import os
import re
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

PUBLISHED = ("imagenet", "pretrained")
_PATIENCE = 10.0  # seconds without an answer


def load_file(network: keras.Model, name: str, weights: Any) -> None:
    """Load a file of weights into `network`, or say why it cannot be."""
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            "`weights` must be None, 'imagenet' (or 'pretrained') or a file of weights. "
            f"Received: weights={os.fspath(weights)!r}, and there is no such file"
        )
    try:
        with warnings.catch_warnings():
            # Keras only warns where layers keep their random weights.
            warnings.filterwarnings("error", "(?s).*freshly-initialized", UserWarning)
            network.load_weights(path)
    except (UserWarning, ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"The weights do not fit {name}. They must be a `.weights.h5`, `.h5` or `.keras` "
            "file of the same network without its classifier: for files of keras.applications, "
            f"the one whose name has 'notop' or 'no_top'. Received: weights={str(path)!r}: {error}"
        ) from error


def published(make: Callable[[], keras.Model], name: str) -> keras.Model:
    """Call `make`, which may download weights, and say what to do if it cannot."""
    try:
        with _impatient():
            return make()
    except Exception as error:
        address = re.search(r"URL fetch failure on (\S+?):? ", f"{error} ")
        if address is None and not _is_about_the_network(error):
            raise
        raise FileNotFoundError(_advice(name, address and address.group(1), error)) from error


def _is_about_the_network(error: BaseException | None) -> bool:
    while error is not None:
        is_local = isinstance(error, (FileNotFoundError, PermissionError))
        if isinstance(error, OSError) and not is_local:  # requests' and urllib's among them
            return True
        error = error.__cause__ or error.__context__
    return False


def _advice(name: str, address: str | None, error: BaseException) -> str:
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    text = f"The published weights of {name} are not in the cache and cannot be downloaded here."
    if address:
        file = address.rpartition("/")[2]
        text += f" Where there is a network, get {address} and put it into {home}/, or give "
        text += f"weights='path/to/{file}'."
    else:
        text += " Fetch them where there is a network, and copy the cache."
    return f"{text} With weights=None it starts from random weights. Received: {error}"


@contextmanager
def _impatient() -> Iterator[None]:
    """Connections that do not answer fail soon, instead of after minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE if before is None else before)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
