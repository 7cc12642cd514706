"""Rows of the index: ids, embeddings, labels and data, as arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval import _data
from keras_metric.retrieval._arrays import FloatArray, IdArray, as_embeddings, as_ids
from keras_metric.retrieval._column import Column
from keras_metric.retrieval._folder import read_folder, write_folder
from keras_metric.retrieval._labels import LabelArray, as_labels, decode_labels, encode_labels
from keras_metric.retrieval._similarity import import_similarity

_Store: Any = import_similarity("stores").Store


class ArrayStore(_Store):
    """A tensorflow-similarity `Store` on arrays: no object a row, and no pickle on disk.

    Args:
        dim: Width of the embeddings.

    Example:
        >>> store = ArrayStore(dim=2)
        >>> store.batch_add([[0.0, 1.0], [1.0, 0.0]], labels=["a", "b"])
        [0, 1]
        >>> store.labels
        array(['a', 'b'], dtype=object)
    """

    FORMAT = "keras_metric.store"

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._clear()

    def _clear(self) -> None:
        self._ids = Column(np.empty(0, np.int64))
        self._embeddings = Column(np.empty((0, self.dim), np.float32))
        self._labels: Column | None = None
        self._data: list[Any] = []
        self._next = 0
        self._ascending = True
        self._order: IdArray | None = None

    @property
    def ids(self) -> IdArray:
        """Ids in the order of the rows."""
        return self._ids.rows

    @property
    def embeddings(self) -> FloatArray:
        """`(rows, dim)`, float32."""
        return self._embeddings.rows

    @property
    def labels(self) -> LabelArray:
        """`(rows,)`: int64, or objects where labels are strings or None."""
        return np.empty(0, np.int64) if self._labels is None else self._labels.rows

    @property
    def data(self) -> list[Any]:
        """One entry a row."""
        return self._data

    def new_ids(self, count: int) -> IdArray:
        """Ids that no row has or had."""
        return np.arange(self._next, self._next + count)

    @property
    def next_id(self) -> int:
        """The first id that no row has or had."""
        return self._next

    def reserve(self, next_id: int) -> None:
        """New ids start at least here."""
        self._next = max(self._next, next_id)

    def append(
        self, ids: IdArray, embeddings: FloatArray, labels: LabelArray, data: list[Any]
    ) -> None:
        """Add rows that are already checked."""
        if not len(ids):
            return
        last = self.ids[-1:]
        self._ascending &= bool((np.diff(ids, prepend=last) > 0).all())
        self._ids.append(ids)
        self._embeddings.append(embeddings)
        if self._labels is None:
            self._labels = Column(labels)
        else:
            self._labels.append(labels)
        self._data += data
        self.reserve(int(ids.max()) + 1)
        self._order = None

    def rows_of(self, ids: IdArray) -> IdArray:
        """The row of each id.

        Raises:
            ValueError: An id that the store does not have.
        """
        place, known = self._find(ids)
        if not known.all():
            raise ValueError(f"`ids` must be of rows in the index. Received: {ids[~known][0]}")
        return place

    def has(self, ids: IdArray) -> NDArray[np.bool_]:
        """Whether the store has each id."""
        return self._find(ids)[1]

    def _find(self, ids: IdArray) -> tuple[IdArray, NDArray[np.bool_]]:
        """The row of each id, and whether it is there. Ids that ascend need no sorting."""
        if not self.size():
            return np.zeros(len(ids), np.int64), np.zeros(len(ids), bool)
        if not self._ascending and self._order is None:
            self._order = np.argsort(self.ids, kind="stable")
        place = np.searchsorted(self.ids, ids, sorter=self._order)
        place = np.minimum(place, self.size() - 1)
        if self._order is not None:
            place = self._order[place]
        return place, self.ids[place] == ids

    def remove(self, ids: IdArray) -> None:
        """Take rows out; the others keep their ids."""
        keep = np.ones(self.size(), bool)
        keep[self.rows_of(ids)] = False
        for column in (self._ids, self._embeddings, self._labels):
            if column is not None:
                column.keep(keep)
        self._data = [entry for entry, kept in zip(self._data, keep, strict=True) if kept]
        self._order = None

    def replace(
        self, places: IdArray, embeddings: FloatArray, labels: LabelArray, data: list[Any]
    ) -> None:
        """Overwrite rows by what is already checked."""
        if self._labels is None:
            return
        self.embeddings[places] = embeddings
        if labels.dtype != self.labels.dtype:
            self._labels = Column(self.labels.astype(object))
        self.labels[places] = labels
        for place, entry in zip(places, data, strict=True):
            self._data[place] = entry

    def add(self, embedding: Any, label: Any = None, data: Any = None) -> int:
        """Add one row and return its id."""
        return self.batch_add([embedding], [label], [data])[0]

    def batch_add(self, embeddings: Any, labels: Any = None, data: Any = None) -> list[int]:
        """Add rows and return their ids."""
        rows = as_embeddings(embeddings, dim=self.dim)
        count = len(rows)
        ids = self.new_ids(count)
        self.append(ids, rows, as_labels(labels, count), _data.as_data(data, count))
        return ids.tolist()

    def get(self, idx: int) -> tuple[FloatArray, Any, Any]:
        """Embedding, label and data of an id."""
        embeddings, labels, data = self.batch_get([idx])
        return embeddings[0], labels[0], data[0]

    def batch_get(self, idxs: Sequence[int]) -> tuple[list[FloatArray], list[Any], list[Any]]:
        """Embeddings, labels and data of ids."""
        rows = self.rows_of(np.asarray(idxs, np.int64))
        data = [self._data[row] for row in rows]
        return list(self.embeddings[rows]), self.labels[rows].tolist(), data

    def size(self) -> int:
        """Number of rows."""
        return len(self._data)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, as named arrays."""
        arrays = {"ids": self.ids, "embeddings": self.embeddings}
        return arrays | encode_labels(self.labels) | _data.encode(self._data)

    def from_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Replace everything by what `to_arrays` gave, checked anew."""
        ids = as_ids(arrays["ids"])
        rows = as_embeddings(arrays["embeddings"], dim=self.dim)
        labels, data = decode_labels(arrays), _data.decode(arrays, len(ids))
        if not len(ids) == len(rows) == len(labels) == len(data):
            raise ValueError(
                "The columns of an index must be of one length. Received: "
                f"{len(ids)} ids, {len(rows)} embeddings, {len(labels)} labels, {len(data)} data"
            )
        self._clear()
        self.append(ids, rows, labels, data)

    def save(self, path: str | Path, compression: bool = True) -> None:
        """Write the rows to a folder of arrays; they are stored as they are."""
        write_folder(path, self.FORMAT, self.to_arrays(), {"dim": self.dim})

    def load(self, path: str | Path) -> int:
        """Read a folder that `save` wrote; the number of rows is returned."""
        arrays, _ = read_folder(path, self.FORMAT)
        self.from_arrays(arrays)
        return self.size()

    def to_data_frame(self, num_records: int = 0) -> Any:
        """A pandas data frame of the first `num_records` rows, or of all."""
        import pandas as pd

        count = num_records or self.size()
        columns = {
            "embeddings": list(self.embeddings[:count]),
            "data": self._data[:count],
            "labels": pd.Series(self.labels[:count].tolist(), dtype=self.labels.dtype),
        }
        return pd.DataFrame(columns).set_index(self.ids[:count])
