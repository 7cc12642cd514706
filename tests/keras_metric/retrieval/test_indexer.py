"""The index: every verb, on every distance, against a plain loop."""

import subprocess
import sys

import numpy as np
import pytest
from tensorflow_similarity.indexer import Indexer as SimilarityIndexer

from keras_metric.retrieval import (
    Indexer,
    MapAtR,
    NdcgAtK,
    PrecisionAtK,
    RecallAtK,
    ReciprocalRank,
    RPrecision,
)
from tests.oracles import retrieval as oracle

DISTANCES = ["cosine", "euclidean", "squared_euclidean", "dot_product", "manhattan"]
METRICS = [RecallAtK(1), RecallAtK(5), MapAtR(), RPrecision()]


def rows(seed, num, dim=5, classes=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, num)
    centers = np.random.default_rng(99).normal(size=(classes, dim))
    return (centers[labels] + rng.normal(size=(num, dim))).astype("float32"), labels


@pytest.fixture
def index():
    index = Indexer(embedding_size=2, distance="euclidean")
    index.batch_add([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], labels=["a", "b", None],
                    data=["x.png", {"size": (2, 3)}, np.arange(3)])  # fmt: skip
    return index


def test_is_the_indexer_of_tensorflow_similarity(index):
    assert isinstance(index, SimilarityIndexer)


@pytest.mark.slow
def test_importing_it_is_silent_and_late():
    script = (
        "import sys, keras_metric.retrieval as r\n"
        "assert 'tensorflow_similarity' not in sys.modules and 'faiss' not in sys.modules\n"
        "r.Indexer\n"
        "assert 'tensorflow_similarity' in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "nmslib" not in run.stderr
    assert "CPU" not in run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize("distance", DISTANCES)
def test_search_equals_a_plain_loop(distance):
    (x, _), (g, z) = rows(0, 20), rows(1, 60)
    index = Indexer(5, distance)
    index.batch_add(g, z)
    ids, distances, labels = index.search(x, k=7)
    expected = oracle.pairwise(x, g, distance)
    order = np.argsort(expected, axis=1)[:, :7]
    np.testing.assert_array_equal(ids, order)
    np.testing.assert_allclose(distances, np.take_along_axis(expected, order, 1), atol=2e-6)
    np.testing.assert_array_equal(labels, z[order])


@pytest.mark.parametrize("distance", ["cosine", "euclidean", "squared_euclidean", "manhattan"])
def test_a_row_is_at_distance_zero_of_itself(distance):
    x, _ = rows(2, 50)
    index = Indexer(5, distance)
    index.batch_add(x)
    ids, distances, _ = index.search(x, k=1)
    assert ids[:, 0].tolist() == list(range(50))
    np.testing.assert_allclose(distances, 0, atol=2e-7)


def test_lookups_are_objects_of_tensorflow_similarity(index):
    first, second = index.single_lookup([0.0, 1.0], k=2)
    assert (first.rank, first.label, first.distance, first.data) == (1, "a", 1.0, "x.png")
    # (3, 4) - (0, 1): root of 9 + 9
    assert (second.rank, second.label, second.data) == (2, "b", {"size": (2, 3)})
    assert second.distance == pytest.approx(18**0.5)
    np.testing.assert_array_equal(second.embedding, [3.0, 4.0])
    (third,) = index.single_lookup([[6.0, 8.0]], k=1)
    assert third.label is None
    np.testing.assert_array_equal(third.data, [0, 1, 2])
    assert [len(row) for row in index.batch_lookup([[0, 0], [1, 1]], k=9, verbose=0)] == [3, 3]


def test_equal_distances_come_in_the_order_of_ids():
    index = Indexer(1, "euclidean")
    index.batch_add([[1.0], [-1.0], [1.0], [-1.0]])
    assert index.search([[0.0]], k=4)[0].tolist() == [[0, 1, 2, 3]]


def test_range_search_finds_all_within(index):
    ids, distances, labels, splits = index.range_search([[0.0, 0.0], [6.0, 8.0], [99, 99]], 5.0)
    assert ids.tolist() == [0, 1, 2, 1]
    assert distances.tolist() == [0.0, 5.0, 0.0, 5.0]
    assert labels.tolist() == ["a", "b", None, "b"]
    assert splits.tolist() == [0, 2, 4, 4]


def test_ids_stay_when_rows_go(index):
    index.remove([1])
    assert index.search([[3.0, 4.0]], k=3)[0].tolist() == [[0, 2]]
    assert index.add([3.0, 4.0], "c") == 3
    assert index.search([[3.0, 4.0]], k=1)[0].tolist() == [[3]]
    index.remove([3])
    assert index.add([3.0, 4.0], "d") == 4  # an id is never given twice
    assert index.kv_store.get(2)[1] is None


def test_rows_are_updated_by_id(index):
    index.update([0], [[6.0, 8.5]], labels=[7])
    ids, _, labels = index.search([[6.0, 8.6]], k=2)
    assert (ids.tolist(), labels.tolist()) == ([[0, 2]], [[7, None]])
    assert index.kv_store.get(0)[2] == "x.png"
    index.update([0], data=[b"new"])
    assert index.kv_store.get(0)[2] == b"new"


def test_own_ids():
    index = Indexer(1)
    assert index.batch_add([[1.0], [2.0]], ids=[50, 10]).tolist() == [50, 10]
    assert index.add([3.0]) == 51
    with pytest.raises(ValueError, match="1 of them taken"):
        index.batch_add([[1.0], [2.0]], ids=[7, 10])
    with pytest.raises(ValueError, match="must be distinct"):
        index.batch_add([[1.0], [2.0]], ids=[7, 7])
    assert index.size() == 3


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "uint64"])
def test_labels_of_any_integer_type(dtype):
    index = Indexer(1, "euclidean")
    index.batch_add([[0.0], [1.0]], np.array([[3], [4]], dtype))
    index.batch_add([[2.0]], [2**24 + 1])
    assert index.search([[0.0]], k=3)[2].tolist() == [[3, 4, 2**24 + 1]]


@pytest.mark.parametrize("distance", DISTANCES)
def test_evaluate_retrieval_equals_a_plain_loop(distance):
    (x, y), (g, z) = rows(3, 25), rows(4, 80)
    index = Indexer(5, distance)
    index.batch_add(g, z)
    metrics = [*METRICS, PrecisionAtK(7), NdcgAtK(6), ReciprocalRank(), MapAtR("macro")]
    found = index.evaluate_retrieval(x, y, metrics, verbose=0)
    expected = oracle.evaluate(x, y, g, z, distance)
    for name in ("recall_at_1", "recall_at_5", "map_at_r", "r_precision", "precision_at_7",
                 "ndcg_at_6", "mrr"):  # fmt: skip
        assert found[name] == pytest.approx(expected[name].mean(), abs=1e-6), name
    by_class = [expected["map_at_r"][y == c].mean() for c in np.unique(y)]
    assert found["map_at_r_macro"] == pytest.approx(np.mean(by_class), abs=1e-6)


def test_evaluate_retrieval_leaves_the_query_out_by_id():
    g, z = rows(5, 60)
    index = Indexer(5, "euclidean")
    ids = index.batch_add(g, z)
    expected = oracle.evaluate(g, z, g, z, "euclidean", own=range(60))
    found = index.evaluate_retrieval(g[10:30], z[10:30], METRICS, verbose=0, ids=ids[10:30])
    for name, value in found.items():
        assert value == pytest.approx(expected[name][10:30].mean(), abs=1e-6)


def test_metrics_of_tensorflow_similarity_still_work():
    from tensorflow_similarity.retrieval_metrics import RecallAtK as TheirRecall

    (x, y), (g, z) = rows(6, 25), rows(7, 80)
    index = Indexer(5, "euclidean")
    index.batch_add(g, z)
    found = index.evaluate_retrieval(x, y, [TheirRecall(k=1), RecallAtK(1)], verbose=0)
    assert list(found) == ["recall@1", "recall_at_1"]
    assert found["recall@1"] == pytest.approx(found["recall_at_1"])


def test_a_metric_can_be_computed_from_lists_alone():
    mask = np.array([[True, False, True], [False, False, True]])
    labels = np.array([0, 1])
    assert RecallAtK(1).compute(query_labels=labels, match_mask=mask) == 0.5
    value = MapAtR().compute(query_labels=labels, match_mask=mask, num_relevant=[2, 3])
    assert value == pytest.approx((1 / 2 + (1 / 3) / 3) / 2)
    with pytest.raises(ValueError, match="map_at_r needs the number of relevant rows"):
        MapAtR().compute(query_labels=labels, match_mask=mask)
    with pytest.raises(ValueError, match="recall_at_5 needs 5 neighbours"):
        RecallAtK(5).compute(query_labels=labels, match_mask=mask)


def test_save_and_load_keep_everything(index, tmp_path):
    index.remove([1])
    index.add([1.0, 1.0], 5)
    index.save(tmp_path / "index")
    again = Indexer.load(tmp_path / "index")
    assert (again.metric, again.embedding_size, again.size()) == ("euclidean", 2, 3)
    for one, other in zip(index.search([[1, 2]], 3), again.search([[1, 2]], 3), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(again.kv_store.get(2)[2], [0, 1, 2])
    assert again.kv_store.get(0)[2] == "x.png"
    again.remove([3])
    again.save(tmp_path / "index")
    assert Indexer.load(tmp_path / "index").add([0.0, 0.0]) == 4
    assert len(list((tmp_path / "index").iterdir())) == 1 + len(again.kv_store.to_arrays())


def test_reset_and_stats(index):
    index.search([[0.0, 0.0]], 1)
    assert index.stats()["num_lookups"] == 1
    assert index.stats()["size"] == 3
    frame = index.to_data_frame()
    assert frame["labels"].tolist() == ["a", "b", None]
    index.reset()
    assert index.size() == 0
    assert index.stats()["num_lookups"] == 0
    index.batch_add([[1.0, 1.0]], [1])
    assert index.search([[0.0, 0.0]], 1)[0].tolist() == [[0]]


def test_tensors_of_every_backend(index):
    import tensorflow as tf

    torch, jnp = pytest.importorskip("torch"), pytest.importorskip("jax.numpy")
    query = [[3.0, 3.5]]
    tensors = [
        tf.constant(query), tf.constant(query, tf.bfloat16), jnp.asarray(query),
        jnp.asarray(query, jnp.bfloat16), torch.tensor(query, requires_grad=True),
        torch.tensor(query, dtype=torch.bfloat16), np.array(query, "float16"),
    ]  # fmt: skip
    for tensor in tensors:
        ids, distances, _ = index.search(tensor, 1)
        assert (ids.tolist(), distances.tolist()) == ([[1]], [[0.5]])


def test_an_embedding_among_several_outputs():
    index = Indexer(2, "euclidean", embedding_output=1)
    index.batch_add([np.zeros((2, 9)), [[0.0, 0.0], [1.0, 0.0]]], ["a", "b"])
    assert index.search([None, [[0.9, 0.0]]], 1)[2].tolist() == [["b"]]


BAD = np.array([[0.0, np.nan]])
WRONG = [
    (lambda i: i.batch_add([[0.0, 1.0]], [1, 2]), "`labels` must be as many as the embeddings, 1"),
    (lambda i: i.batch_add([[0.0, 1.0]], [1], data=[1, 2]), "`data` must have one entry a row"),
    (lambda i: i.batch_add([[0.0, 1.0]], [1], data=[object()]), "`data` must hold"),
    (lambda i: i.batch_add([[0.0, 1.0]], [0.5]), "must be integers, strings or None"),
    (lambda i: i.batch_add([0.0, 1.0]), "`predictions` must be of rank 2"),
    (lambda i: i.batch_add(BAD), "`predictions` must be finite"),
    (lambda i: i.batch_add([[np.inf, 0.0]]), "must be finite"),
    (lambda i: i.batch_add([[1e300, 0.0]]), "must be finite in float32"),
    (lambda i: i.batch_add([[1.0, 2.0, 3.0]]), "must have 2 columns"),
    (lambda i: i.batch_add([["a", "b"]]), "must hold real numbers"),
    (lambda i: i.add([[1.0, 2.0], [3.0, 4.0]]), "must be one embedding"),
    (lambda i: i.search(BAD, 1), "`queries` must be finite"),
    (lambda i: i.search([[1.0]], 1), "must have 2 columns"),
    (lambda i: i.search([[1.0, 2.0]], 0), "`k` must be an integer of at least 1"),
    (lambda i: i.single_lookup([1.0, np.nan]), "must be finite"),
    (lambda i: i.range_search([[1.0, 2.0]], "near"), "`radius` must be a number"),
    (lambda i: i.remove([99]), "`ids` must be of rows in the index"),
    (lambda i: i.remove([0, 0]), "`ids` must be distinct"),
    (lambda i: i.update([0], [[1.0, np.nan]]), "must be finite"),
    (lambda i: i.update([0], [[1.0, 2.0]], labels=[1, 2]), "`labels` must be as many"),
    (lambda i: i.evaluate_retrieval([[1, 2]], [1, 2], METRICS), "`target_labels` must be as many"),
    (lambda i: i.evaluate_retrieval([[1, 2]], [1], [MapAtR(), MapAtR()]), "different names"),
    (lambda i: i.evaluate_retrieval([[1, 2]], [1], []), "different names"),
]


@pytest.mark.parametrize(("verb", "message"), WRONG)
def test_bad_input_is_named_and_changes_nothing(index, verb, message):
    with pytest.raises(ValueError, match=message):
        verb(index)
    assert index.size() == 3
    assert index.kv_store.labels.tolist() == ["a", "b", None]
    assert index.search([[0.0, 0.0]], 5)[0].tolist() == [[0, 1, 2]]


def test_an_empty_index_is_named():
    empty = Indexer(2)
    for verb in (empty.search, empty.single_lookup, empty.batch_lookup):
        with pytest.raises(ValueError, match="at least one row"):
            verb([[1.0, 2.0]])
    with pytest.raises(ValueError, match="at least one row"):
        empty.evaluate_retrieval([[1.0, 2.0]], [1], METRICS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding_size": 0}, "`embedding_size` must be an integer"),
        ({"distance": "snr"}, "`distance` must be one of"),
        ({"search": "annoy"}, "`search` must be one of"),
        ({"search": 3}, "must be the name of an engine or a Search"),
        ({"kv_store": "redis"}, "`kv_store` must be 'memory'"),
        ({"evaluator": "redis"}, "`evaluator` must be"),
        ({"search_params": {"probes": 3}}, r"takes the parameters \[\]"),
    ],
)
def test_bad_construction_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        Indexer(**{"embedding_size": 2, **options})
