"""Milvus behind the same interface: Milvus Lite in a file, and servers that fail."""

import importlib.util

import numpy as np
import pytest

from keras_metric.retrieval import Indexer
from keras_metric.retrieval.engines import MilvusSearch
from keras_metric.retrieval.engines import _milvus_client as client_module
from tests.oracles import retrieval as oracle

DISTANCES = ["cosine", "euclidean", "squared_euclidean", "dot_product"]


@pytest.fixture
def lite(tmp_path):
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    opened = []

    def open_search(distance="euclidean", dim=4, **options):
        opened.append(MilvusSearch(distance, dim, tmp_path / "rows.db", **options))
        return opened[-1]

    yield open_search
    for search in opened:
        search.close()


def rows(seed, num, dim=4):
    return np.random.default_rng(seed).normal(size=(num, dim)).astype("float32")


@pytest.mark.slow
@pytest.mark.parametrize("distance", DISTANCES)
def test_equals_a_plain_loop(lite, distance):
    x, q = rows(0, 120), rows(1, 7)
    search = lite(distance, batch_size=50)
    search.batch_add(x, np.arange(120) + 1000)
    matrix = oracle.pairwise(q, x, distance)
    ids, distances = search.search(q, 6)
    np.testing.assert_array_equal(ids - 1000, np.argsort(matrix, axis=1)[:, :6])
    np.testing.assert_allclose(distances, np.sort(matrix, axis=1)[:, :6], atol=1e-4)


@pytest.mark.slow
def test_labels_narrow_a_search(lite):
    x = rows(0, 90)
    labels = [[1, "1", None, 'a "b" \\ %é', "other"][i % 5] for i in range(90)]
    search = lite()
    search.bulk_load(x, labels=labels)
    for wanted in ([1], ["1"], [None], ['a "b" \\ %é'], [1, "other"], "other"):
        among = [i for i, name in enumerate(labels) if name in np.atleast_1d(wanted).tolist()]
        if wanted == [None]:
            among = [i for i, name in enumerate(labels) if name is None]
        if wanted in ([1], ["1"], [1, "other"]):  # 1 and "1" are two labels
            among = [i for i, name in enumerate(labels) if any(name is w or (
                type(name) is type(w) and name == w) for w in wanted)]  # fmt: skip
        given = np.array(wanted, object) if isinstance(wanted, list) else wanted
        ids, _ = search.search(x[:3], 4, labels=given)
        near = oracle.pairwise(x[:3], x[among], "euclidean").argsort(axis=1)[:, :4]
        np.testing.assert_array_equal(ids, np.array(among)[near])
    ids, distances = search.search(x[:2], 3, labels="nowhere")
    assert (ids == -1).all()
    assert np.isinf(distances).all()


@pytest.mark.slow
def test_a_load_that_was_cut_off_goes_on(lite, monkeypatch):
    x, labels = rows(0, 1000), np.arange(1000) % 7
    search = lite(batch_size=100)
    sent, real = [], MilvusSearch.insert_labelled

    def cut(self, embeddings, ids, names):
        if len(sent) == 4:
            raise KeyboardInterrupt
        sent.append(ids)
        real(self, embeddings, ids, names)

    with monkeypatch.context() as patch:
        patch.setattr(MilvusSearch, "insert_labelled", cut)
        with pytest.raises(KeyboardInterrupt):
            search.bulk_load(x, labels=labels)
    search.insert(x[400:430], np.arange(400, 430))  # half a batch had come through
    search.close()
    again = lite(batch_size=100)
    assert again.bulk_load(x, labels=labels) == 600
    assert again.bulk_load(x, labels=labels) == 0
    assert again.size() == 1000
    np.testing.assert_array_equal(again.search(x, 1)[0][:, 0], np.arange(1000))


@pytest.mark.slow
def test_an_index_on_it_has_every_verb(lite, tmp_path):
    x, y, q = rows(0, 60), np.arange(60) % 3, rows(1, 5)
    flat = Indexer(4, "euclidean")
    index = Indexer(4, "euclidean", lite())
    for each in (flat, index):
        each.batch_add(x[:40], y[:40])
        each.batch_add(x[40:], y[40:])
        each.remove([3, 5])
        each.update([7], x[3:4], labels=[9])
    for found, expected in zip(index.search(q, 9), flat.search(q, 9), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert index.engine.search(x[3:4], 1, labels=9)[0].item() == 7
    index.save(tmp_path / "index")
    index.engine.close()
    with pytest.raises(ValueError, match="must be empty"):
        Indexer(4, "euclidean", lite())
    again = Indexer.load(tmp_path / "index", search=lite())
    np.testing.assert_array_equal(again.search(q, 9)[0], flat.search(q, 9)[0])
    again.reset()
    assert again.engine.size() == 0
    again.engine.insert(x[:1], np.array([4000]))
    with pytest.raises(ValueError, match="rows alone"):
        Indexer.load(tmp_path / "index", search=again.engine)


@pytest.mark.slow
def test_other_collections_are_refused(lite):
    lite().insert(rows(0, 3), np.arange(3))
    with pytest.raises(ValueError, match="embedding of dim 5"):
        lite(dim=5)
    with pytest.raises(ValueError, match="at most 16384"):
        lite().search(rows(0, 1), 20000)
    with pytest.raises(ValueError, match="at most 1024 bytes"):
        lite().bulk_load(rows(0, 1), [9], ["x" * 1025])


def test_bad_arguments(tmp_path):
    if importlib.util.find_spec("pymilvus") is None:
        with pytest.raises(ImportError, match=r"keras-metric\[milvus\]"):
            MilvusSearch("cosine", 2, tmp_path / "a.db")
        return
    with pytest.raises(FileNotFoundError, match="folder of a Milvus Lite file"):
        MilvusSearch("cosine", 2, tmp_path / "nowhere" / "a.db")


def test_a_distance_it_does_not_know(tmp_path):
    with pytest.raises(ValueError, match="Milvus knows the distances"):
        MilvusSearch("manhattan", 2, tmp_path / "a.db")
    with pytest.raises(ValueError, match="`timeout` must be positive"):
        MilvusSearch("cosine", 2, tmp_path / "a.db", timeout=0)


def test_a_server_that_is_away():
    pytest.importorskip("pymilvus")
    with pytest.raises(ConnectionError, match=r"is it running.*localhost:1'"):
        MilvusSearch("cosine", 2, "http://localhost:1", timeout=1, retries=1, pause=0.01)


class MilvusError(Exception):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code


class FakeMilvus:
    """A server that takes at most `most` rows at a time and fails as told."""

    class DataType:
        INT64 = FLOAT_VECTOR = VARCHAR = None

    def __init__(self, most=10**9, failures=()):
        self.most, self.failures, self.rows, self.sizes = most, list(failures), {}, []

    def MilvusClient(self, uri, token, timeout):
        return self

    def has_collection(self, name, timeout):
        return True

    def describe_collection(self, name, timeout):
        return {"fields": [{"name": "id", "params": {}}, {"name": "label", "params": {}},
                           {"name": "embedding", "params": {"dim": 4}}]}  # fmt: skip

    def describe_index(self, name, index, timeout):
        return {"metric_type": "L2"}

    def load_collection(self, name, timeout):
        pass

    def upsert(self, name, batch, timeout):
        if self.failures and (error := self.failures.pop(0)):
            raise error
        if len(batch) > self.most:
            raise MilvusError(8)
        self.sizes.append(len(batch))
        self.rows |= {row["id"]: row for row in batch}


@pytest.fixture
def fake(monkeypatch):
    def make(retries=2, **options):
        server = FakeMilvus(**options)
        monkeypatch.setattr(client_module, "_import", lambda: server)
        search = MilvusSearch("euclidean", 4, "http://server", retries=retries, pause=0.001,
                              batch_size=64)  # fmt: skip
        return server, search

    return make


def test_batches_shrink_while_the_server_asks_for_less_and_grow_again(fake):
    server, search = fake(most=20)
    search.insert(rows(0, 300), np.arange(300))
    assert sorted(server.rows) == list(range(300))
    assert 16 in server.sizes
    assert any(size > 16 for size in server.sizes[1:])


def test_what_waiting_helps_is_tried_again(fake):
    server, search = fake(failures=[MilvusError(1), ConnectionError("reset"), None])
    search.insert(rows(0, 10), np.arange(10))
    assert server.sizes == [10]


def test_what_waiting_does_not_help_is_said_at_once(fake):
    _, search = fake(failures=[MilvusError(6), None])
    with pytest.raises(ValueError, match="Milvus refused: code 6"):
        search.insert(rows(0, 10), np.arange(10))
    _, search = fake(failures=[MilvusError(2)] * 3)
    with pytest.raises(ConnectionError, match="in 3 attempts"):
        search.insert(rows(0, 10), np.arange(10))
    _, search = fake(most=0)
    with pytest.raises(ConnectionError, match="takes no more rows"):
        search.insert(rows(0, 10), np.arange(10))
