"""Leave-one-out with small classes takes half of the matrix, and gives what all of it gives."""

import numpy as np
import pytest

from keras_metric.retrieval.measures import _pairs_once, _per_query, _products, evaluate

MEASURES = ["map_at_r", "r_precision", "recall_at_1", "recall_at_10", "ndcg_at_5", "precision_at_3"]


def groups(seed, num=600, classes=150, spread=1.0, dim=12):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, num)
    centers = rng.normal(size=(classes, dim))
    return (centers[labels] + spread * rng.normal(size=(num, dim))).astype("float32"), labels


def both_ways(monkeypatch, x, labels, measures=MEASURES, **options):
    """This way, the other, and whether this way was taken: None if it was not tried."""
    is_taken = None
    original = _pairs_once.measure_pairs

    def measure_pairs(*args):
        nonlocal is_taken
        values = original(*args)
        is_taken = values is not None
        return values

    with monkeypatch.context() as patch:
        patch.setattr(_per_query, "measure_pairs", measure_pairs)
        found = evaluate(x, labels, measures=measures, **options)
    with monkeypatch.context() as patch:
        patch.setattr(_per_query, "depth_of", lambda *args: None)
        return found, evaluate(x, labels, measures=measures, **options), is_taken


@pytest.fixture
def bfloat16(request, monkeypatch):
    """Products in bfloat16 as if that were quick; what was used."""
    used = []
    original = _products.quickest_products
    monkeypatch.setattr(_products, "_ROWS_FOR_A_NEIGHBOUR", 0)
    monkeypatch.setattr(_products, "has_quick_bfloat16", lambda: request.param)
    monkeypatch.setattr(
        _pairs_once,
        "quickest_products",
        lambda *args: used.append(original(*args)) or used[-1],
    )
    yield
    kind = _products.BFloat16 if request.param else _products.Float32
    assert used
    assert all(isinstance(one, kind) for one in used)


def assert_equal(found, expected):
    assert found.num_without_relevant == expected.num_without_relevant
    for name in expected:
        np.testing.assert_allclose(found.per_query[name], expected.per_query[name], atol=1e-12)


@pytest.mark.parametrize("bfloat16", [False, True], indirect=True)
@pytest.mark.parametrize("distance", ["cosine", "dot_product"])
@pytest.mark.parametrize("spread", [0.3, 1.0, 100.0])
@pytest.mark.parametrize("small", [False, True])
def test_it_is_the_same(monkeypatch, bfloat16, distance, spread, small):
    if small:  # many strips, tiles and merges
        monkeypatch.setattr(_pairs_once, "_STRIP_BYTES", 4 * 600 * 50)
        monkeypatch.setattr(_pairs_once, "_TILE", 64)
        monkeypatch.setattr(_pairs_once, "_PENDING", 300)
    for seed in range(3):
        x, labels = groups(seed, spread=spread)
        found, expected, is_taken = both_ways(monkeypatch, x, labels, distance=distance)
        assert is_taken
        assert_equal(found, expected)


@pytest.mark.parametrize("measures", [["map_at_r"], ["recall_at_1"], ["recall_at_64"]])
def test_each_depth(monkeypatch, measures):
    x, labels = groups(3, num=300, classes=100, spread=2.0)
    found, expected, is_taken = both_ways(monkeypatch, x, labels, measures)
    assert is_taken
    assert_equal(found, expected)


@pytest.mark.parametrize("bfloat16", [False, True], indirect=True)
def test_ties_go_to_the_irrelevant(monkeypatch, bfloat16):
    rng = np.random.default_rng(0)
    x = np.unique(rng.integers(-2, 3, (400, 5)), axis=0).astype("float32")  # exact in a product
    labels = rng.integers(0, 60, len(x))
    found, expected, is_taken = both_ways(monkeypatch, x, labels, distance="dot_product")
    assert is_taken
    assert_equal(found, expected)


def test_none_and_single_rows_have_no_value(monkeypatch):
    x, labels = groups(4, num=200, classes=120)
    names = np.array([f"class {label}" for label in labels], object)
    names[::7] = None
    found, expected, is_taken = both_ways(monkeypatch, x, names)
    assert is_taken
    assert_equal(found, expected)
    assert np.isnan(found.per_query["map_at_r"][::7]).all()


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("large classes", {}),
        ("repeated rows", {}),
        ("64 bits", {}),
        ("euclidean", {"distance": "euclidean"}),
        ("far first hit", {"measures": ["mrr"]}),
        ("deep", {"measures": ["recall_at_65"]}),
    ],
)
def test_what_it_is_not_for_takes_the_other_way(monkeypatch, case, options):
    x, labels = groups(5, num=300, classes=3 if case == "large classes" else 90)
    if case == "repeated rows":
        x[7] = x[200]
    if case == "64 bits":
        x = x.astype("float64")
    found, expected, is_taken = both_ways(monkeypatch, x, labels, **options)
    assert is_taken is None
    assert_equal(found, expected)


@pytest.mark.parametrize("shift", [0.0, 3.0, 30.0])
def test_values_do_not_depend_on_how_products_are_made(monkeypatch, shift):
    x, labels = groups(6, num=3000, classes=500, spread=2.0)
    monkeypatch.setattr(_products, "_ROWS_FOR_A_NEIGHBOUR", 0)
    found = []
    for is_quick in (False, True):
        monkeypatch.setattr(_products, "has_quick_bfloat16", lambda is_quick=is_quick: is_quick)
        found.append(evaluate(x + np.float32(shift), labels, measures=MEASURES))
    for name in MEASURES:
        one, other = (report.per_query[name] for report in found)
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("case", ["first of each class apart", "two kinds, far apart"])
def test_few_pairs_are_multiplied_again_whatever_the_order_of_rows(monkeypatch, case):
    counts = []
    original = _pairs_once.products_of_pairs
    monkeypatch.setattr(
        _pairs_once,
        "products_of_pairs",
        lambda rows, one, other: counts.append(len(one)) or original(rows, one, other),
    )
    rng = np.random.default_rng(0)
    num, size = 6400, 16 if case == "first of each class apart" else 2
    labels = np.arange(num) // size
    x = rng.normal(size=(num // size, 64))[labels] + rng.normal(size=(num, 64))
    x[:, 0] += np.where(np.arange(num) % size, 10, -10)
    evaluate(x.astype("float32"), labels, measures=["map_at_r", "recall_at_1"])
    assert sum(counts) < 0.15 * num**2 / 2


def test_lengths_may_be_far_apart_under_the_cosine(monkeypatch):
    x, labels = groups(8)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    lengths = 10.0 ** np.random.default_rng(0).uniform(-30, 30, (len(x), 1))
    found, expected, is_taken = both_ways(monkeypatch, x * lengths.astype("float32"), labels)
    assert is_taken
    assert_equal(found, expected)
    assert_equal(found, evaluate(x, labels, measures=MEASURES))


def test_a_network_that_maps_all_to_one_point_takes_the_other_way(monkeypatch):
    x, labels = groups(7)
    found, expected, is_taken = both_ways(monkeypatch, 1e4 + x, labels)
    assert is_taken is False
    assert_equal(found, expected)


def test_negative_scores_keep_their_order():
    values = np.array([-np.inf, -3.5, -1e-30, -0.0, 0.0, 1e-30, 2.0, np.inf], np.float32)
    packed = _pairs_once._packed(np.array([1] * 8), values)
    assert (np.diff(packed.astype(object)) >= 0).all()
    queries, again = _pairs_once._unpacked(packed)
    np.testing.assert_array_equal(again, values)
    assert (queries == 1).all()
