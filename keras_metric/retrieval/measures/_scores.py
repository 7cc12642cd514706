"""Blocks of a query x gallery matrix that orders the gallery as the distance does."""

import faiss
import numpy as np

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval._distances import normalize

_BLOCK_BYTES = 64 * 2**20


class Scores:
    """A gallery, made ready so that one matrix product orders it for many queries.

    Of a query's distances only the order matters here, so what is the same for the whole
    row is left out: `-q.g` stands for cosine and dot product, `|g|^2 - 2 q.g` for the
    euclidean distances. Equal gallery rows get equal scores, which a matrix product alone
    does not promise.

    Args:
        gallery: Checked rows, float32 or float64.
        distance: Canonical name.

    Attributes:
        rows: The gallery as it is multiplied.
        has_repeats: Whether rows equal others.
    """

    def __init__(self, gallery: FloatArray, distance: str) -> None:
        self._distance = distance
        self._scale = _power_of_two(float(np.abs(gallery).max(initial=0)))
        self._repeats, self._firsts = _repeated_rows(gallery)
        gallery = normalize(gallery) if distance == "cosine" else gallery / self._scale
        self._center = _center(gallery) if "euclidean" in distance else None
        if self._center is not None:
            gallery = gallery - self._center
            squares = np.einsum("ij,ij->i", gallery, gallery)
            gallery = np.concatenate([gallery, squares[:, None]], axis=1)
        self.rows = np.ascontiguousarray(gallery)
        self.block_rows = max(1, _BLOCK_BYTES // max(1, gallery.itemsize * len(gallery)))

    def __call__(self, queries: FloatArray, out: FloatArray) -> FloatArray:
        """Scores `(queries, gallery)`, smaller is nearer, written into `out`."""
        out = out[: len(queries)]
        if self._distance == "manhattan":
            _manhattan(queries / self._scale, self.rows, out)
        else:
            np.matmul(self.factors(queries), self.rows.T, out=out)
        if len(self._repeats):
            out[:, self._repeats] = out[:, self._firsts]
        return out

    @property
    def has_repeats(self) -> bool:
        return len(self._repeats) > 0

    def buffer(self) -> FloatArray:
        """Room for one block."""
        return np.empty((self.block_rows, len(self.rows)), self.rows.dtype)

    def factors(self, queries: FloatArray) -> FloatArray:
        """What queries are multiplied with `rows` as."""
        if self._distance == "cosine":
            return -normalize(queries)
        if self._distance == "dot_product":
            return -queries / _power_of_two(float(np.abs(queries).max(initial=0)))
        queries = queries / self._scale
        if self._center is not None:
            queries = queries - self._center
        ones = np.ones((len(queries), 1), queries.dtype)
        return np.concatenate([-2 * queries, ones], axis=1)


def _power_of_two(largest: float) -> float:
    """Dividing by it is exact, keeps every order, and keeps squares from overflowing."""
    return float(2.0 ** np.ceil(np.log2(largest))) if largest > 0 else 1.0


def _center(gallery: FloatArray) -> FloatArray:
    """Near the mean, so that `|g|^2 - 2 q.g` does not cancel far from the origin.

    It lies on a grid of powers of two no coarser than the spread: subtracting it from
    embeddings of few digits, such as whole numbers, stays exact, and so do their ties.
    """
    mean = gallery.mean(axis=0, dtype=np.float64)
    step = _power_of_two(float(gallery.std(dtype=np.float64))) / 2
    return (np.round(mean / step) * step).astype(gallery.dtype)


def _repeated_rows(rows: FloatArray) -> tuple[IdArray, IdArray]:
    """Each row that equals an earlier one, and the first that it equals."""
    bits = np.ascontiguousarray(rows + 0.0).view(np.uint32)  # -0.0 becomes 0.0
    factors = np.random.default_rng(0).integers(1, 2**63, bits.shape[1], np.uint64) | np.uint64(1)
    keys = np.zeros(len(rows), np.uint64)
    for column, factor in zip(bits.T, factors, strict=True):
        keys += column * factor  # wraps around: a hash
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    firsts = first[inverse]
    repeats = np.flatnonzero(firsts != np.arange(len(rows)))
    same = (rows[repeats] == rows[firsts[repeats]]).all(axis=1)
    return repeats[same], firsts[repeats[same]]


def _manhattan(queries: FloatArray, gallery: FloatArray, out: FloatArray) -> None:
    if out.dtype == np.float32:
        out[:] = faiss.pairwise_distances(queries, gallery, faiss.METRIC_L1)
        return
    out[:] = 0
    for q, g in zip(queries.T, gallery.T, strict=True):
        out += np.abs(q[:, None] - g)
