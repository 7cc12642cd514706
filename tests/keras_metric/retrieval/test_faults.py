"""What tensorflow-similarity gets wrong, the same scenario run through ours."""

import numpy as np
import pytest
from tensorflow_similarity.search import Search

from keras_metric.retrieval import Indexer, PrecisionAtK, RPrecision


class LoopSearch(Search):
    """A user's own search, under a name of its own."""

    def __init__(self, distance, dim):
        super().__init__(distance, dim, 0, None)
        self.reset()

    def reset(self):
        self.rows, self.ids = np.empty((0, self.dim), "float32"), []

    def add(self, embedding, idx, verbose=1, **kwargs):
        self.batch_add(np.reshape(embedding, (1, -1)), [idx])

    def batch_add(self, embeddings, idxs, verbose=1, **kwargs):
        self.rows = np.concatenate([self.rows, embeddings])
        self.ids += [int(i) for i in idxs]

    def lookup(self, embedding, k=5):
        distances = np.linalg.norm(self.rows - np.reshape(embedding, -1), axis=1)
        order = np.argsort(distances, kind="stable")[:k]
        return [self.ids[i] for i in order], distances[order].tolist()

    def batch_lookup(self, embeddings, k=5):
        return tuple(zip(*(self.lookup(row, k) for row in embeddings), strict=True))

    # tensorflow-similarity's interface demands these two of every engine.
    def save(self, path):
        raise AssertionError("no test saves this engine")

    def load(self, path):
        raise AssertionError("no test loads this engine")

    def get_config(self):
        return super().get_config()


def blobs(num, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(num, 4)).astype("float32"), rng.integers(0, 3, num)


def test_a_users_search_of_any_name_is_taken(tmp_path):
    (x, y), (q, _) = blobs(30), blobs(7, 1)
    exact, own = Indexer(4, "euclidean"), Indexer(4, "euclidean", LoopSearch("euclidean", 4))
    for index in (exact, own):
        index.batch_add(x[:20], y[:20])
        index.batch_add(x[20:], y[20:])
    for found, expected in zip(own.search(q, 5), exact.search(q, 5), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    own.save(tmp_path / "index")
    with pytest.raises(ValueError, match="hand an empty one over"):
        Indexer.load(tmp_path / "index")
    again = Indexer.load(tmp_path / "index", search=LoopSearch("euclidean", 4))
    np.testing.assert_array_equal(again.search(q, 5)[0], own.search(q, 5)[0])
    with pytest.raises(ValueError, match="cannot remove rows"):
        own.remove([0])
    assert own.size() == 30


def test_as_many_neighbours_as_asked_for_in_tight_clusters():
    x = np.repeat(np.eye(4, dtype="float32"), 100, axis=0)
    y = np.repeat(np.arange(4), 100)
    index = Indexer(4)
    ids = index.batch_add(x, y)
    assert (index.search(x[:5], k=400)[0] >= 0).all()
    found = index.evaluate_retrieval(x, y, [RPrecision(), PrecisionAtK(99)], verbose=0, ids=ids)
    assert list(found.values()) == [1.0, 1.0]


def test_nan_queries_are_refused_not_perfect():
    x, y = blobs(9)
    index = Indexer(4)
    index.batch_add(x, y)
    x[3, 1] = np.nan
    for call in (lambda: index.search(x), lambda: index.calibrate(x, y, verbose=0)):
        with pytest.raises(ValueError, match="must be finite"):
            call()


def test_a_failed_add_leaves_nothing_behind():
    x, y = blobs(9)
    index = Indexer(4)
    for rows, labels in ((x, y[:5]), (x[:, :3], y), (x * np.inf, y)):
        with pytest.raises(ValueError, match="Received"):
            index.batch_add(rows, labels)
    assert (index.size(), index.engine.size()) == (0, 0)
    with pytest.raises(ValueError, match="empty index"):
        index.search(x)


def test_a_look_up_after_build_false_finds_the_rows():
    x, y = blobs(9)
    for engine in ("flat", "hnsw", "ivf", "nmslib"):
        index = Indexer(4, "euclidean", engine)
        index.batch_add(x, y, build=False)
        assert index.search(x, k=1)[0][:, 0].tolist() == list(range(9)), engine


def reference(rows, queries, k):
    distances = np.linalg.norm(queries[:, None].astype("float64") - rows[None], axis=2)
    return np.sort(distances, axis=1)[:, :k]


@pytest.mark.parametrize("seed", range(12))
def test_random_dtypes_layouts_and_call_orders_against_numpy(seed):
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(1, 9))
    index, rows = Indexer(dim, "euclidean"), {}

    def draw(num):
        x = rng.integers(-9, 9, size=(num, dim)).astype(
            rng.choice(["int8", "int64", "float16", "float32", "float64"])
        )
        layout = rng.integers(3)
        return [x, np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2]][layout]

    for _ in range(40):
        action = rng.integers(5)
        if action == 0 or not rows:
            x = draw(int(rng.integers(0, 6)))
            rows |= dict(zip(index.batch_add(x).tolist(), x.astype("float64"), strict=True))
            continue
        some = rng.choice(list(rows), size=rng.integers(1, len(rows) + 1), replace=False)
        if action == 1 and rng.random() < 0.3:
            index.remove(some)
            rows = {i: row for i, row in rows.items() if i not in some}
        elif action == 2:
            x = draw(len(some))
            index.update(some, x)
            rows |= dict(zip(some.tolist(), x.astype("float64"), strict=True))
        else:
            q, k = draw(int(rng.integers(1, 5))), int(rng.integers(1, 12))
            ids, distances, _ = index.search(q, k)
            expected = reference(np.array(list(rows.values())), q, k)
            np.testing.assert_allclose(distances, expected, atol=1e-4)
            for line, query, values in zip(ids, q, distances, strict=True):
                assert len(set(line.tolist())) == len(line)
                own = [np.linalg.norm(rows[i] - query.astype("float64")) for i in line.tolist()]
                np.testing.assert_allclose(own, values, atol=1e-4)
        assert index.size() == len(rows)


def test_metrics_that_need_r_are_not_guessed():
    from keras_metric.retrieval import MapAtK, MapAtR, NdcgAtK, RecallAtK

    mask, labels = np.array([[True, False, True]]), np.array([1])
    for metric in (RPrecision(), MapAtR(), MapAtK(2), NdcgAtK(2)):
        with pytest.raises(ValueError, match="needs the number of relevant rows"):
            metric.compute(query_labels=labels, match_mask=mask)
    for metric in (RPrecision(), MapAtR()):
        with pytest.raises(ValueError, match=r"needs 4 neighbours a query\. Received: 3"):
            metric.compute(query_labels=labels, match_mask=mask, num_relevant=[4])
    # R = 2: of the 2 nearest 1 is relevant.
    assert RPrecision().compute(query_labels=labels, match_mask=mask, num_relevant=[2]) == 0.5
    assert RecallAtK(1).compute(query_labels=labels, match_mask=mask) == 1.0


def test_update_takes_the_output_that_is_the_embedding():
    index = Indexer(2, "euclidean", embedding_output=1)
    scores, embeddings = np.zeros((2, 3)), np.array([[0.0, 1.0], [2.0, 3.0]])
    ids = index.batch_add([scores, embeddings])
    index.update(ids, [scores, embeddings + 10])
    np.testing.assert_array_equal(index.kv_store.embeddings, embeddings + 10)
