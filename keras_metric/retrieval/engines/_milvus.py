"""Search in Milvus: a file here, a cluster by changing the address."""

from typing import Any
from urllib.parse import quote

import numpy as np
from tqdm.auto import tqdm

from keras_metric.retrieval._arrays import (
    FloatArray,
    IdArray,
    as_embeddings,
    as_ids,
    check_positive,
)
from keras_metric.retrieval._labels import LabelArray, as_labels
from keras_metric.retrieval.engines._base import Neighbors, VectorSearch, missing
from keras_metric.retrieval.engines._milvus_client import MilvusConnection, Overloaded

_METRICS = {"cosine": "COSINE", "dot_product": "IP", "euclidean": "L2", "squared_euclidean": "L2"}
_MOST_NEIGHBORS = 16384  # Milvus's own limit, of k and of queries
_QUERIES, _LABEL_BYTES = 512, 1024


class MilvusSearch(VectorSearch):
    """Search in a collection of Milvus, where rows outlive the process and may exceed memory.

    Alone it takes rows with ids and labels (`bulk_load`) and answers in arrays (`search`).
    Handed to an `Indexer`, which keeps labels and embeddings in memory too, it is one more
    engine. Rows are written by id, so a batch that is sent twice is there once.

    Args:
        distance: "cosine", "euclidean", "squared_euclidean" or "dot_product".
        dim: Width of the embeddings.
        uri: A file of Milvus Lite, which runs inside this process, made if it is not there;
            or the address of a server, such as "http://localhost:19530".
        collection: Name of the collection, made if it is not there.
        token: "user:password" or an API key of a server.
        index_type: "FLAT", exact; "HNSW", "IVF_FLAT", "IVF_PQ", "DISKANN", "AUTOINDEX" or
            another that the server knows.
        index_params: Parameters of that index, such as `{"M": 32, "efConstruction": 80}`.
        query_params: Parameters of a query, such as `{"ef": 128}`.
        batch_size: Rows sent at a time; halved while the server asks for less.
        timeout: Seconds one call may take.
        retries: How often a call is repeated where waiting may help.
        pause: Seconds before the first repetition; doubled each time.

    Raises:
        ImportError: pymilvus is not installed.
        ConnectionError: The server does not answer.
        ValueError: An argument out of range, or the collection is of another width or
            distance.

    Example:
        >>> search = MilvusSearch("cosine", 64, "gallery.db")  # doctest: +SKIP
        >>> search.bulk_load(embeddings, labels=labels)  # doctest: +SKIP
        >>> ids, distances = search.search(queries, k=10, labels=["cat"])  # doctest: +SKIP
    """

    labelled = True

    def __init__(
        self,
        distance: Any,
        dim: int,
        uri: str = "milvus.db",
        collection: str = "embeddings",
        token: str | None = None,
        index_type: str = "FLAT",
        index_params: dict[str, Any] | None = None,
        query_params: dict[str, Any] | None = None,
        batch_size: int = 2000,
        timeout: float = 60.0,
        retries: int = 5,
        pause: float = 0.5,
        verbose: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__(distance, dim, verbose, name)
        if self.metric not in _METRICS:
            known = ", ".join(_METRICS)
            raise ValueError(f"Milvus knows the distances {known}. Received: {self.metric!r}")
        self.exact, self.refined = index_type == "FLAT", True
        self._collection, self._index_type = collection, index_type
        self._index_params, self._query_params = dict(index_params or {}), dict(query_params or {})
        self._batch_size = check_positive(batch_size, "batch_size")
        if retries < 0 or not timeout > 0 or pause < 0:
            raise ValueError(
                "`timeout` must be positive, `retries` and `pause` not negative. "
                f"Received: timeout={timeout}, retries={retries}, pause={pause}"
            )
        self._milvus = MilvusConnection(uri, token, timeout, retries, pause)
        self._open()

    def params(self) -> dict[str, Any]:
        """Constructor arguments beyond those of the base, without the token."""
        return {
            "uri": self._milvus.uri,
            "collection": self._collection,
            "index_type": self._index_type,
            "index_params": self._index_params,
            "query_params": self._query_params,
            "batch_size": self._batch_size,
        }

    def bulk_load(
        self, embeddings: Any, ids: Any = None, labels: Any = None, verbose: int = 0
    ) -> int:
        """Write many rows; called again after it was cut off, it goes on where it stopped.

        Batches are written in order and each waits for its answer. What is there already is
        found by asking for the ids of a few batches, so the same rows must come in the same
        order. `embeddings` may be a memory map: a batch at a time is read.

        Args:
            embeddings: `(rows, dim)`.
            ids: `(rows,)`, distinct, not negative; None numbers the rows.
            labels: `(rows,)`, integers, strings or None.
            verbose: 1 shows a progress bar.

        Returns:
            How many rows were written now.

        Raises:
            ConnectionError: The server went away; what was written stays.
            ValueError: Something has another length or width or is not finite.
        """
        count = len(embeddings)
        keys = np.arange(count) if ids is None else as_ids(ids)
        names = as_labels(labels, count)
        if len(keys) != count or keys.min(initial=0) < 0:
            raise ValueError(
                f"`ids` must be {count} ids of at least 0. Received: ids of length {len(keys)}, "
                f"from {keys.min(initial=0)}"
            )
        first = self._first_missing(keys)
        with tqdm(total=count, initial=first, desc="Loading", disable=not verbose) as bar:
            for start in range(first, count, self._batch_size):
                part = slice(start, start + self._batch_size)
                rows = as_embeddings(embeddings[part], dim=self.dim)
                self.insert_labelled(rows, keys[part], names[part])
                bar.update(len(rows))
        return count - first

    def search(self, queries: Any, k: int = 5, labels: Any = None) -> Neighbors:
        """The k nearest rows of each query, of all rows or of those with some labels.

        Args:
            queries: `(queries, dim)`.
            k: How many.
            labels: Only rows with one of these labels are searched; None searches all.

        Returns:
            Ids and distances, each `(queries, k)`, nearest first; where there are fewer, id
            -1 and distance infinity.
        """
        rows = as_embeddings(queries, "queries", self.dim)
        wanted = None if labels is None else as_labels(np.atleast_1d(labels), None).tolist()
        return self._nearest(rows, check_positive(k), wanted)

    def insert(self, embeddings: FloatArray, ids: IdArray) -> None:
        """Add checked rows under new ids, without labels."""
        self.insert_labelled(embeddings, ids, as_labels(None, len(ids)))

    def insert_labelled(self, embeddings: FloatArray, ids: IdArray, labels: LabelArray) -> None:
        """Add checked rows under new ids."""
        start, size = 0, self._batch_size
        names = [_encode(label) for label in labels.tolist()]
        while start < len(ids):
            part = slice(start, start + size)
            columns = zip(ids[part].tolist(), embeddings[part], names[part], strict=True)
            batch = [{"id": i, "embedding": row, "label": name} for i, row, name in columns]
            try:
                self._milvus("upsert", self._collection, batch)
            except Overloaded as error:
                if size == 1:
                    raise ConnectionError(
                        f"Milvus takes no more rows: {error}. Received: uri={self._milvus.uri!r}"
                    ) from error
                size = max(1, size // 2)
                continue
            start += size
            size = min(self._batch_size, size + size // 4 + 1)

    def nearest(self, queries: FloatArray, k: int) -> Neighbors:
        """Ids and distances `(queries, k)`, nearest first; -1 and infinity where missing."""
        return self._nearest(queries, k, None)

    def remove(self, ids: IdArray) -> None:
        """Take rows out."""
        for start in range(0, len(ids), self._batch_size):
            part = ids[start : start + self._batch_size].tolist()
            self._milvus("delete", self._collection, ids=part)

    def size(self) -> int:
        """Number of rows."""
        return self._count("")

    def reset(self) -> None:
        """Drop the collection, for everyone, and make it anew."""
        self._milvus("drop_collection", self._collection)
        self._open()

    def restore_labelled(
        self, state: dict[str, Any], embeddings: FloatArray, ids: IdArray, labels: LabelArray
    ) -> None:
        """Rows are in Milvus: only what is missing is written.

        Raises:
            ValueError: The collection holds other rows too.
        """
        self.bulk_load(embeddings, ids, labels)
        if self.size() != len(ids):
            raise ValueError(
                f"The collection must hold the index's {len(ids)} rows alone. "
                f"Received: {self.size()} rows in {self._collection!r}"
            )

    def close(self) -> None:
        """Let go of the server or the file."""
        self._milvus.close()

    def _open(self) -> None:
        if self._milvus("has_collection", self._collection):
            self._check()
        else:
            schema = self._milvus.schema()
            schema.add_field("id", self._milvus.data_type("INT64"), is_primary=True)
            schema.add_field("embedding", self._milvus.data_type("FLOAT_VECTOR"), dim=self.dim)
            schema.add_field("label", self._milvus.data_type("VARCHAR"), max_length=_LABEL_BYTES)
            index = self._milvus.index_params()
            index.add_index(
                "embedding", index_type=self._index_type, metric_type=_METRICS[self.metric],
                params=self._index_params,
            )  # fmt: skip
            self._milvus(
                "create_collection", self._collection, schema=schema, index_params=index,
                consistency_level="Strong",
            )  # fmt: skip
        self._milvus("load_collection", self._collection)

    def _check(self) -> None:
        fields = self._milvus("describe_collection", self._collection)["fields"]
        widths = {field["name"]: field["params"].get("dim") for field in fields}
        found = self._milvus("describe_index", self._collection, "embedding") or {}
        metric = found.get("metric_type", _METRICS[self.metric])  # Milvus Lite does not say
        dim = widths.get("embedding")
        if {"id", "embedding", "label"} - set(widths) or int(dim or 0) != self.dim:
            raise ValueError(
                f"The collection must have id, embedding of dim {self.dim} and label. "
                f"Received: {self._collection!r} with {sorted(widths)} and dim {dim}"
            )
        if metric != _METRICS[self.metric]:
            raise ValueError(
                f"The collection must be indexed by {_METRICS[self.metric]}. "
                f"Received: {self._collection!r} with {metric}"
            )

    def _nearest(self, queries: FloatArray, k: int, labels: list[Any] | None) -> Neighbors:
        if k > _MOST_NEIGHBORS:
            raise ValueError(f"Milvus gives at most {_MOST_NEIGHBORS} neighbours. Received: k={k}")
        ids, distances = missing(len(queries), k)
        condition = "" if labels is None else f"label in {_listed(map(_encode, labels))}"
        for start in range(0, len(queries), _QUERIES):
            found = self._milvus(
                "search", self._collection, data=list(queries[start : start + _QUERIES]),
                anns_field="embedding", limit=k, filter=condition, output_fields=["id"],
                search_params={"params": self._query_params},
            )  # fmt: skip
            for row, hits in enumerate(found, start):
                count = len(hits)
                ids[row, :count] = [hit["id"] for hit in hits]
                distances[row, :count] = [hit["distance"] for hit in hits]
        return ids, np.where(ids >= 0, self._distances(distances), np.float32(np.inf))

    def _distances(self, values: FloatArray) -> FloatArray:
        if self.metric == "dot_product":
            return -values
        if self.metric == "cosine":
            return np.clip(1 - values, 0, 2)
        values = np.maximum(values, 0)
        return np.sqrt(values) if self.metric == "euclidean" else values

    def _first_missing(self, ids: IdArray) -> int:
        """The first row, at the start of a batch, from which on not all are there."""
        low, high = 0, -(-len(ids) // self._batch_size)
        while low < high:
            middle = (low + high) // 2
            part = ids[middle * self._batch_size : (middle + 1) * self._batch_size]
            if self._count(f"id in {part.tolist()}") == len(part):
                low = middle + 1
            else:
                high = middle
        return min(low * self._batch_size, len(ids))

    def _count(self, condition: str) -> int:
        found = self._milvus(
            "query", self._collection, filter=condition, output_fields=["count(*)"]
        )
        return int(found[0]["count(*)"])


def _encode(label: Any) -> str:
    """A label as text in which integers and strings differ and nothing needs escaping."""
    if label is None:
        return "none"
    text = f"int:{label}" if isinstance(label, int) else f"str:{quote(label, safe=' ')}"
    if len(text) > _LABEL_BYTES:
        raise ValueError(f"A label in Milvus has at most {_LABEL_BYTES} bytes. Received: {label!r}")
    return text


def _listed(texts: Any) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"
