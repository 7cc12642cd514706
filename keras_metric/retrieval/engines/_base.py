"""What the index asks of a search engine: tensorflow-similarity's `Search`, on arrays."""

from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import (
    FloatArray,
    IdArray,
    as_embeddings,
    as_ids,
    as_one_embedding,
    check_positive,
)
from keras_metric.retrieval._distances import distance_name
from keras_metric.retrieval._folder import read_folder, write_folder
from keras_metric.retrieval._labels import LabelArray
from keras_metric.retrieval._similarity import import_similarity

_Search: Any = import_similarity("search").Search

Neighbors = tuple[IdArray, FloatArray]


def similarity_distance(name: str) -> str:
    """tensorflow-similarity's own name of one of our distances."""
    return "inner_product" if name == "dot_product" else name


class VectorSearch(_Search):
    """Abstract base of the engines: add, remove and search arrays under integer ids.

    A subclass implements `insert`, `nearest`, `remove`, `size` and `reset` on checked
    arrays, and may keep what it has learnt (`state`, `restore`).

    Args:
        distance: Name of a distance.
        dim: Width of the embeddings.
        verbose: As in tensorflow-similarity.
        name: Of the object.

    Attributes:
        exact: The true nearest neighbours are found, up to rounding.
        refined: The index computes the distances found anew from the embeddings.
        oversample: Candidates the index asks for, for each neighbour it keeps.
        labelled: Rows come with their labels, through `insert_labelled`.
    """

    exact = False
    refined = False
    oversample = 1
    labelled = False

    def __init__(self, distance: Any, dim: int, verbose: int = 0, name: str | None = None) -> None:
        self.metric = distance_name(distance)
        super().__init__(
            similarity_distance(self.metric), check_positive(dim, "dim"), verbose, name
        )

    @abstractmethod
    def insert(self, embeddings: FloatArray, ids: IdArray) -> None:
        """Add checked rows under new ids."""

    def insert_labelled(self, embeddings: FloatArray, ids: IdArray, labels: LabelArray) -> None:
        """Add checked rows under new ids; labels are for engines that search by them."""
        self.insert(embeddings, ids)

    @abstractmethod
    def nearest(self, queries: FloatArray, k: int) -> Neighbors:
        """Ids and distances `(queries, k)`, nearest first; -1 and infinity where missing."""

    @abstractmethod
    def remove(self, ids: IdArray) -> None:
        """Take rows out."""

    @abstractmethod
    def size(self) -> int:
        """Number of rows."""

    @abstractmethod
    def reset(self) -> None:
        """Take all rows out."""

    def outgrown(self) -> bool:
        """What was learnt from the rows no longer fits them: the index starts it anew."""
        return False

    def state(self) -> dict[str, NDArray[Any]]:
        """What was learnt from the rows and is dear to learn again, as arrays."""
        return {}

    def restore(self, state: dict[str, NDArray[Any]], embeddings: FloatArray, ids: IdArray) -> None:
        """Start anew from rows and from what `state` gave."""
        self.reset()
        self.insert(embeddings, ids)

    def restore_labelled(
        self, state: dict[str, NDArray[Any]], embeddings: FloatArray, ids: IdArray,
        labels: LabelArray,
    ) -> None:  # fmt: skip
        """As `restore`, for engines that search by labels too."""
        self.restore(state, embeddings, ids)

    def params(self) -> dict[str, Any]:
        """Constructor arguments beyond those of the base."""
        return {}

    def rows(self) -> tuple[FloatArray, IdArray]:
        """All rows and ids, for `save`.

        Raises:
            ValueError: This engine does not hold its rows whole.
        """
        raise ValueError(
            f"{type(self).__name__} does not hold the embeddings: save the Indexer. "
            "Received: save of the engine alone"
        )

    def add(self, embedding: Any, idx: int, verbose: int = 1, **kwargs: Any) -> None:
        """Add one row."""
        self.insert(as_one_embedding(embedding, self.dim), as_ids([idx]))

    def batch_add(self, embeddings: Any, idxs: Any, verbose: int = 1, **kwargs: Any) -> None:
        """Add rows under their ids."""
        rows, ids = as_embeddings(embeddings, dim=self.dim), as_ids(idxs, "idxs")
        if len(rows) != len(ids):
            raise ValueError(f"`idxs` must be {len(rows)}. Received: idxs of length {len(ids)}")
        self.insert(rows, ids)

    def lookup(self, embedding: Any, k: int = 5) -> tuple[list[int], list[float]]:
        """Ids and distances of one embedding's k nearest."""
        ids, distances = self.batch_lookup(as_one_embedding(embedding, self.dim), k)
        return ids[0], distances[0]

    def batch_lookup(
        self, embeddings: Any, k: int = 5
    ) -> tuple[list[list[int]], list[list[float]]]:
        """Ids and distances of the k nearest of each embedding; fewer where there are fewer."""
        queries = as_embeddings(embeddings, dim=self.dim)
        ids, distances = self.nearest(queries, min(check_positive(k), max(1, self.size())))
        found = [row >= 0 for row in ids]
        return (
            [row[keep].tolist() for row, keep in zip(ids, found, strict=True)],
            [row[keep].tolist() for row, keep in zip(distances, found, strict=True)],
        )

    def save(self, path: str | Path) -> None:
        """Write the engine alone to a folder; an `Indexer` saves its engine itself."""
        rows, ids = self.rows()
        config = {"dim": self.dim, "distance": self.metric}
        write_folder(path, "keras_metric.search", {"embeddings": rows, "ids": ids}, config)

    def load(self, path: str | Path) -> None:
        """Read a folder that `save` wrote."""
        arrays, config = read_folder(path, "keras_metric.search")
        if config != {"dim": self.dim, "distance": self.metric}:
            raise ValueError(
                f"Expected dim {self.dim} and distance {self.metric!r}. Received: {config}"
            )
        self.reset()
        self.batch_add(arrays["embeddings"], arrays["ids"])

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, and the name of the class."""
        return {**super().get_config(), **self.params(), "distance": self.metric}


def missing(queries: int, k: int) -> Neighbors:
    """What `nearest` returns where nothing is found."""
    return np.full((queries, k), -1), np.full((queries, k), np.inf, np.float32)
