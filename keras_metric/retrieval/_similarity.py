"""tensorflow-similarity, imported late and without its noise.

nmslib writes a warning about CPU instructions to stderr from C when it is imported, and
numba, umap and distutils warn from Python: none of it concerns who asked for an index.
"""

import importlib
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Stderr of the process, C included, goes nowhere for a moment."""
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no stderr at all, as under pythonw: nothing to silence
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def import_similarity(module: str) -> Any:
    """`tensorflow_similarity.<module>`; Python's own errors still come through."""
    name = f"tensorflow_similarity.{module}"
    if name in sys.modules:
        return sys.modules[name]
    with warnings.catch_warnings(), _quiet_stderr():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)
