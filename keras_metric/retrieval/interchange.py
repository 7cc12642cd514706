"""Index folders of tensorflow-similarity: read as arrays, never as pickles; and written."""

import json
import os
import secrets
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._indexer import Indexer
from keras_metric.retrieval._similarity import import_similarity
from keras_metric.retrieval.engines._base import similarity_distance


def import_index(path: str | Path, search: Any = "flat") -> Indexer:
    """An `Indexer` of the rows in a folder that tensorflow-similarity's `Indexer` saved.

    Embeddings and labels are read where they are plain arrays. What was pickled, as labels
    with None and the rows' data are, is left out with a warning: reading it could run code
    of whoever made the folder. So are thresholds, whose distances meant something else.

    Args:
        path: The folder.
        search: As in `Indexer`; the graph of nmslib is not read.

    Raises:
        FileNotFoundError: There is no such index.
        ValueError: The folder is damaged, or not one of tensorflow-similarity.
    """
    folder = Path(path)
    try:
        config = json.loads((folder / "index_metadata.json").read_bytes())
        size, distance = int(config["embedding_size"]), str(config["distance"])
        with open(folder / "index.npz", "rb") as stream:
            file = np.load(stream, allow_pickle=False)
            embeddings = file["embeddings"]
            labels, data = _plain(file, "labels"), _plain(file, "data")
    except FileNotFoundError:
        raise
    except (
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(
            "The folder is damaged, or not an index of tensorflow-similarity. "
            f"Received: path={str(folder)!r}"
        ) from error
    index = Indexer(size, distance, search)
    index.batch_add(embeddings, labels, data)
    return index


def export_index(index: Indexer, path: str | Path) -> None:
    """Write rows as a folder that tensorflow-similarity's `Indexer.load` reads.

    Ids become row numbers; data and thresholds stay behind.

    Args:
        index: With labels that are integers, or with none.
        path: A folder that is not there yet.

    Raises:
        FileExistsError: There is something.
        ValueError: The index is empty, or its labels are of another kind.
    """
    store, target = index.kv_store, Path(path)
    if target.exists():
        raise FileExistsError(f"`path` must not be there yet. Received: path={str(path)!r}")
    has_labels = any(label is not None for label in store.labels.tolist())
    if not index.size() or (has_labels and store.labels.dtype == object):
        raise ValueError(
            "An index with rows, whose labels are integers or all None, can be exported. "
            f"Received: {index.size()} rows with labels of dtype {store.labels.dtype}"
        )
    theirs = import_similarity("indexer").Indexer(
        index.embedding_size, similarity_distance(index.metric)
    )
    theirs.batch_add(store.embeddings, store.labels if has_labels else None, verbose=0)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    temporary.mkdir(parents=True)
    try:
        theirs.save(str(temporary))
        os.replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _plain(file: Any, name: str) -> NDArray[Any] | None:
    """A member of the archive, or None, with a warning, where it is pickled."""
    try:
        array: NDArray[Any] = file[name]
        return array
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        warnings.warn(f"The {name} are pickled and were not read.", stacklevel=3)
        return None
