"""The exact measures, against loops and against arithmetic by hand."""

import tracemalloc

import numpy as np
import pytest

from keras_metric.retrieval import measures
from tests.oracles import retrieval as oracle

DISTANCES = ["cosine", "euclidean", "squared_euclidean", "dot_product", "manhattan"]


def blobs(seed, num, dim=6, classes=4, spread=0.8):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, num)
    centers = np.random.default_rng(99).normal(size=(classes, dim))
    return centers[labels] + spread * rng.normal(size=(num, dim)), labels


def assert_same(report, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(report.per_query[name], values, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("distance", DISTANCES)
def test_equal_a_plain_loop(distance):
    (x, y), (g, z) = blobs(0, 30), blobs(1, 90)
    report = measures.evaluate(x, y, g, z, measures=list(oracle.ALL), distance=distance)
    assert_same(report, oracle.evaluate(x, y, g, z, distance))


@pytest.mark.parametrize("distance", DISTANCES)
def test_leave_one_out_equals_a_plain_loop(distance):
    x, y = blobs(2, 80)
    report = measures.evaluate(x, y, measures=list(oracle.ALL), distance=distance)
    assert_same(report, oracle.evaluate(x, y, x, y, distance, own=range(80)))


@pytest.mark.parametrize("distance", ["euclidean", "squared_euclidean", "manhattan"])
@pytest.mark.parametrize("seed", range(5))
def test_ties_on_a_grid_equal_a_plain_loop(distance, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 3, (60, 3)).astype("float32"), rng.integers(0, 3, 60)
    report = measures.evaluate(x, y, measures=list(oracle.ALL), distance=distance)
    expected = oracle.evaluate(x, y, x, y, distance, own=range(60))
    if distance == "euclidean":  # roots do not change the order, and squares tie exactly
        expected = oracle.evaluate(x, y, x, y, "squared_euclidean", own=range(60))
    assert_same(report, expected)


@pytest.mark.parametrize("distance", DISTANCES)
def test_equal_rows_tie_whatever_their_place(distance):
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(40, 33)).astype("float32"), 2, axis=0)
    y = np.tile([0, 1], 40)  # each row has a twin of the other class
    order = rng.permutation(80)
    report = measures.evaluate(x[order], y[order], measures=["recall_at_1"], distance=distance)
    # The twin is as near as can be, so it stands first, and it is irrelevant.
    if distance != "dot_product":
        assert report["recall_at_1"] == 0.0
    twin = measures.evaluate(x[:1], [1], x, y, measures=["mrr"], distance=distance).per_query["mrr"]
    assert twin == 0.5 or distance == "dot_product"


def test_a_collapsed_network_gets_nothing():
    report = measures.evaluate(np.ones((9, 2)), np.repeat([0, 1, 2], 3), distance="euclidean")
    # 6 irrelevant rows come before the 2 relevant ones.
    assert dict(report) == {
        "recall_at_1": 0.0, "recall_at_5": 0.0, "map_at_r": 0.0, "r_precision": 0.0,
    }  # fmt: skip


def test_hand_computed():
    # Relevant at ranks 1 and 3 of 4, R = 2.
    report = measures.evaluate(
        [[0.0]], [0], [[1.0], [2.0], [3.0], [4.0]], [0, 1, 0, 1], distance="euclidean",
        measures=["recall_at_1", "precision_at_3", "map_at_3", "map_at_r", "r_precision", "mrr",
                  "ndcg_at_3"],
    )  # fmt: skip
    assert report["recall_at_1"] == 1.0
    assert report["precision_at_3"] == pytest.approx(2 / 3)
    assert report["map_at_3"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert report["map_at_r"] == pytest.approx((1 / 1) / 2)
    assert report["r_precision"] == 1 / 2
    assert report["mrr"] == 1.0
    ideal = 1 / np.log2(2) + 1 / np.log2(3)
    assert report["ndcg_at_3"] == pytest.approx((1 / np.log2(2) + 1 / np.log2(4)) / ideal)


def test_large_galleries_equal_a_full_sort():
    rng = np.random.default_rng(3)
    g, z = blobs(4, 3000, dim=8, classes=3, spread=1.5)
    x, y = blobs(5, 50, dim=8, classes=3, spread=1.5)
    report = measures.evaluate(x, y, g, z, measures=["map_at_r", "r_precision", "map_at_100"],
                               distance="squared_euclidean")  # fmt: skip
    for i in rng.choice(50, 20, replace=False):
        order = np.argsort(((g - x[i]) ** 2).sum(axis=1), kind="stable")
        hits = z[order] == y[i]
        r = hits.sum()
        precision = np.cumsum(hits) / np.arange(1, 3001)
        assert report.per_query["r_precision"][i] == pytest.approx(hits[:r].mean())
        assert report.per_query["map_at_r"][i] == pytest.approx((precision * hits)[:r].sum() / r)
        at_100 = (precision * hits)[:100].sum() / 100
        assert report.per_query["map_at_100"][i] == pytest.approx(at_100)


def test_equals_pytorch_metric_learning():
    torch = pytest.importorskip("torch")
    accuracy = pytest.importorskip("pytorch_metric_learning.utils.accuracy_calculator")
    (x, y), (g, z) = blobs(6, 200, classes=7), blobs(7, 700, classes=7)
    names = {"precision_at_1": "precision_at_1", "r_precision": "r_precision",
             "map_at_r": "mean_average_precision_at_r"}  # fmt: skip
    peer = accuracy.AccuracyCalculator(
        include=list(names.values()), k="max_bin_count", device=torch.device("cpu")
    )
    x, g = x.astype("float32"), g.astype("float32")
    columns = [torch.tensor(array) for array in (x, y, g, z)]
    expected = peer.get_accuracy(*columns, False)
    report = measures.evaluate(x, y, g, z, measures=list(names), distance="euclidean")
    for name, theirs in names.items():
        assert report[name] == pytest.approx(expected[theirs], abs=1e-6)


def test_macro_and_classes():
    # Class 0: both queries find each other. Class 1: one of three finds a relevant one first.
    x = [[0.0], [1.0], [10.0], [11.5], [1.6]]
    y = ["a", "a", "b", "b", "b"]
    report = measures.evaluate(x, y, measures=["recall_at_1"], distance="euclidean")
    assert report.per_class("recall_at_1") == {"a": 0.5, "b": pytest.approx(2 / 3)}
    assert report["recall_at_1"] == pytest.approx(3 / 5)
    macro = measures.evaluate(x, y, measures=["recall_at_1"], distance="euclidean", average="macro")
    assert macro["recall_at_1"] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_queries_without_anything_relevant_are_reported():
    report = measures.evaluate([[0.0], [1.0], [9.0]], [0, 0, 5], distance="euclidean")
    assert (report.num_queries, report.num_without_relevant) == (3, 1)
    assert np.isnan(report.per_query["map_at_r"]).tolist() == [False, False, True]
    assert report["map_at_r"] == 1.0
    assert np.isnan(report.per_class("map_at_r")[5])
    assert "1 of them without" in repr(report)
    with pytest.warns(UserWarning, match="1 of 3 queries have nothing relevant"):
        measures.map_at_r([[0.0], [1.0], [9.0]], [0, 0, 5], distance="euclidean")


def test_the_query_is_left_out_by_id():
    gallery = [[0.0], [0.0], [5.0]]  # the query's own row, an exact copy of another class, far
    options = {"distance": "euclidean", "measures": ["mrr", "recall_at_1"]}
    plain = measures.evaluate([[0.0]], [7], gallery, [7, 8, 7], **options)
    assert plain["mrr"] == 1 / 2  # its own row, after the irrelevant copy
    apart = measures.evaluate([[0.0]], [7], gallery, [7, 8, 7], ids=[40],
                              gallery_ids=[40, 41, 42], **options)  # fmt: skip
    assert apart["mrr"] == 1 / 2  # the far one, after the copy: its own row is gone
    assert apart.num_relevant.tolist() == [1]
    other = measures.evaluate([[0.0]], [7], gallery, [7, 8, 7], ids=[99],
                              gallery_ids=[40, 41, 42], **options)  # fmt: skip
    assert other.num_relevant.tolist() == [2]


def test_large_labels_stay_apart():
    x = [[0.0], [0.1], [5.0], [5.1]]
    y = np.array([2**24, 2**24 + 1, 2**24 + 1, 2**24])
    assert measures.recall_at_k(x, y, k=1, distance="euclidean") == 0.0
    y = np.array([2**63 - 1, 2**63 - 2, 2**63 - 2, 2**63 - 1], np.uint64)
    assert measures.recall_at_k(x, y, k=1, distance="euclidean") == 0.0


def test_none_equals_nothing():
    report = measures.evaluate([[0.0], [0.1], [0.2]], [None, None, "a"], distance="euclidean")
    assert report.num_without_relevant == 3


def test_relevance_by_a_function():
    tags = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]], bool)
    report = measures.evaluate(
        [[0.0], [1.0], [2.1], [3.3]], tags, distance="euclidean", measures=["recall_at_1"],
        relevance=lambda a, b: (a[:, None] & b).any(axis=2),
    )  # fmt: skip
    # 0-1 share a tag, 1-0 too, 2-1 too; the nearest to 3 is 2, with nothing in common.
    assert report.per_query["recall_at_1"].tolist() == [1, 1, 1, 0]
    with pytest.raises(ValueError, match="must return booleans of shape"):
        measures.evaluate([[0.0]], [0], [[1.0]], [0], relevance=lambda a, b: np.ones(3))
    with pytest.raises(ValueError, match="macro average needs one label"):
        measures.evaluate([[0.0]], [0], [[1.0]], [0], average="macro",
                          relevance=lambda a, b: a[:, None] == b)  # fmt: skip


def test_cmc_is_recall_at_every_k():
    x, y = blobs(8, 60)
    curve = measures.cmc(x, y, max_rank=6)
    for k in range(1, 7):
        assert curve[k - 1] == pytest.approx(measures.recall_at_k(x, y, k=k))


def test_cmc_says_how_many_queries_it_leaves_out():
    x, y = [[0.0], [1.0], [5.0]], [0, 0, 1]
    with pytest.warns(UserWarning, match="1 of 3 queries have nothing relevant"):
        curve = measures.cmc(x, y, max_rank=2, distance="euclidean")
    np.testing.assert_array_equal(curve, [1.0, 1.0])
    with pytest.warns(UserWarning, match="2 of 2"):
        assert np.isnan(measures.cmc(x[1:], y[1:], max_rank=2)).all()


@pytest.mark.parametrize("name", ["map_at_k", "ndcg_at_k", "precision_at_k"])
def test_k_beyond_the_gallery_means_all_of_it(name):
    x, y = blobs(9, 12, classes=2)
    function = getattr(measures, name)
    assert function(x, y, k=10**6) == pytest.approx(function(x, y, k=11))


def test_functions_are_the_measures_of_evaluate():
    x, y = blobs(10, 40)
    report = measures.evaluate(x, y, measures=["map_at_r", "r_precision", "mrr"])
    assert measures.map_at_r(x, y) == report["map_at_r"]
    assert measures.r_precision(x, y) == report["r_precision"]
    assert measures.mean_reciprocal_rank(x, y) == report["mrr"]
    values = measures.map_at_r(x, y, average="none")
    np.testing.assert_array_equal(values, report.per_query["map_at_r"])


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("scale", [1e-18, 1.0, 1e18])
def test_extreme_scales_keep_the_order(distance, scale):
    x, y = blobs(11, 40)
    plain = measures.evaluate(x, y, measures=["map_at_r"], distance=distance)
    scaled = measures.evaluate(
        (x * scale).astype("float32"), y, measures=["map_at_r"], distance=distance
    )
    assert scaled["map_at_r"] == pytest.approx(plain["map_at_r"], abs=1e-3)


def test_far_from_the_origin_float32_keeps_its_digits():
    x, y = blobs(12, 60)
    far = (x + 1000).astype("float32")
    report = measures.evaluate(far, y, measures=list(oracle.ALL), distance="euclidean")
    expected = oracle.evaluate(far, y, far, y, "euclidean", own=range(60))
    for name, values in expected.items():
        assert report[name] == pytest.approx(np.nanmean(values), abs=5e-3), name


def test_memory_does_not_grow_with_the_number_of_queries():
    rng = np.random.default_rng(0)
    gallery, labels = rng.normal(size=(500, 4)).astype("float32"), rng.integers(0, 5, 500)
    peaks = []
    for num in (4000, 40000):
        queries, y = rng.normal(size=(num, 4)).astype("float32"), rng.integers(0, 5, num)
        tracemalloc.start()
        measures.evaluate(queries, y, gallery, labels, measures=["recall_at_1"])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2**28  # two buffers of 64 MB, and a few arrays of (queries,)
    assert peaks[1] - peaks[0] < 2**27


def test_bootstrap_interval():
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    low, high = measures.bootstrap_interval(values, seed=1)
    # The mean of 400 draws of deviation 0.1 has deviation 0.005: 1.96 of them on each side.
    assert low == pytest.approx(values.mean() - 1.96 * values.std() / 20, abs=1e-3)
    assert high == pytest.approx(values.mean() + 1.96 * values.std() / 20, abs=1e-3)
    assert measures.bootstrap_interval(values, seed=1) == (low, high)
    assert measures.bootstrap_interval(values, seed=2) != (low, high)
    assert np.isnan(measures.bootstrap_interval(np.array([np.nan]))).all()
    x, y = blobs(13, 50)
    report = measures.evaluate(x, y, measures=["map_at_r"])
    low, high = report.confidence_interval("map_at_r", level=0.9, num_samples=200)
    assert low < report["map_at_r"] < high
    with pytest.raises(ValueError, match="`level` must be between"):
        measures.bootstrap_interval(values, level=1.0)
    macro = measures.evaluate(x, y, average="macro")
    with pytest.raises(ValueError, match="belongs to the micro average"):
        macro.confidence_interval("map_at_r")


X, Y = np.eye(3), [0, 0, 1]
NAN = np.array([[0.0, np.nan, 0.0]])
WRONG = [
    ((X[0], Y), {}, "must be of rank 2"),
    ((X, Y[:2]), {}, "`labels` must be as many as the embeddings, 3"),
    ((X, Y, X, Y[:2]), {}, "`gallery_labels` must be as many"),
    ((NAN, [0]), {}, "`embeddings` must be finite"),
    ((X, Y, NAN, [0]), {}, "`gallery` must be finite"),
    ((X * 1e300, Y, X.astype("float32"), Y), {"distance": "l3"}, "`distance` must be one of"),
    ((X, Y, np.eye(4), [0] * 4), {}, "`gallery` must have 3 columns"),
    ((X, Y, np.empty((0, 3)), []), {}, "must hold at least one row"),
    ((X, Y), {"measures": []}, "must be names in a list"),
    ((X, Y), {"measures": "mrr"}, "must be names in a list"),
    ((X, Y), {"measures": ["recall"]}, "`measures` must be among"),
    ((X, Y), {"measures": ["recall_at_0"]}, "`measures` must be among"),
    ((X, Y), {"average": "median"}, "`average` must be one of"),
    ((X, Y), {"gallery_labels": Y}, "`gallery_labels` needs a `gallery`"),
    ((X, Y, X, Y), {"ids": [0, 1, 2]}, "must come together"),
    ((X, Y, X, Y), {"ids": [0, 1, 1], "gallery_ids": [0, 1, 2]}, "must be distinct"),
    ((X, Y, X, Y), {"ids": [0, 1], "gallery_ids": [0, 1, 2]}, "`ids` must be 3"),
    ((X, [0.5, 1.0, 2.0]), {}, "integers, strings or None"),
    ((X.astype(str), Y), {}, "must hold real numbers"),
    ((X, np.zeros((3, 2), int)), {}, r"of shape \(rows,\)"),
]


@pytest.mark.parametrize(("arguments", "options", "message"), WRONG)
def test_bad_input_is_named(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        measures.evaluate(*arguments, **options)


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None])
def test_k_is_a_positive_integer(k):
    with pytest.raises(ValueError, match="`k` must be an integer of at least 1"):
        measures.recall_at_k(X, Y, k=k)
