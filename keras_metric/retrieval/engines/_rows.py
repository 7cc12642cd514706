"""Rows with their ids, kept until an engine takes them in."""

import numpy as np

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval._column import Column


class Rows:
    """Embeddings and ids that grow at a constant cost a row; copies of what was handed in.

    Args:
        dim: Width of the embeddings.
    """

    def __init__(self, dim: int) -> None:
        self._embeddings = Column(np.empty((0, dim), np.float32))
        self._ids = Column(np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def embeddings(self) -> FloatArray:
        """`(rows, dim)`, as a view."""
        return self._embeddings.rows

    @property
    def ids(self) -> IdArray:
        """`(rows,)`, as a view."""
        return self._ids.rows

    def append(self, embeddings: FloatArray, ids: IdArray) -> None:
        """Add rows."""
        self._embeddings.append(embeddings)
        self._ids.append(ids)

    def remove(self, ids: IdArray) -> None:
        """Take out the rows of these ids, if they are here."""
        if len(self):
            keep = ~np.isin(self.ids, ids)
            self._embeddings.keep(keep)
            self._ids.keep(keep)
