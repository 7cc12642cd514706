"""Rounded products miss nothing near, take little else, and change no value."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_metric.retrieval.measures import _products
from keras_metric.retrieval.measures._products import BFloat16, Float32, products_of_pairs

KINDS = [Float32, BFloat16]


def halfway(seed, num=300, dim=24):
    """Rows that all lie just beyond the middle between two numbers of bfloat16."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (num, dim))
    return (signs * (1 + 2.0**-8 * (1.001 + 1e-3 * rng.random((num, dim))))).astype("float32")


def rows_of(case):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 24)).astype("float32")
    if case == "unit length":
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
    if case == "lengths apart":
        return rows * np.float32(10.0) ** rng.uniform(-30, 0, (300, 1)).astype("float32")
    if case == "halfway":
        return halfway(0)
    if case == "positive":
        return np.abs(rows)
    if case == "whole numbers":
        return np.round(rows)
    if case == "some of zeros":
        rows[::3] = 0
    return rows


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "case",
    ["unit length", "lengths apart", "halfway", "positive", "whole numbers", "some of zeros"],
)
def test_nothing_near_is_missed(kind, case):
    rows = rows_of(case)
    exact = rows.astype("float64") @ rows.astype("float64").T
    one, other = np.indices(exact.shape).reshape(2, -1)
    pairs = products_of_pairs(rows, one, other).reshape(exact.shape)
    products = kind(rows)
    for start, stop in ((0, 40), (40, 300)):
        strip = products.strip(start, stop).copy()
        for rank in (1, 5, 100, 299):
            for values in (pairs, exact):
                least = np.sort(values, axis=1)[:, -rank].astype("float32")
                limits = products.limits(least)
                near = pairs[start:stop, start:] >= least[start:stop, None]
                assert (strip >= limits[start:stop, None])[near].all()
                near = pairs[start:stop, start:] >= least[start:]
                assert (strip >= limits[start:])[near].all()


@pytest.mark.parametrize(("kind", "most"), [(Float32, 0.0005), (BFloat16, 0.005)])
def test_little_else_is_taken(kind, most):
    rows = rows_of("unit length")
    exact = rows @ rows.T
    least = np.full(300, 0.3, "float32")
    products = kind(rows)
    taken = products.strip(0, 300) >= products.limits(least)
    assert (exact >= 0.3).mean() <= taken.mean() <= (exact >= 0.3).mean() + most


@pytest.mark.parametrize("kind", KINDS)
def test_no_bound_takes_none_and_a_negative_one_all_that_is_positive(kind):
    rows = rows_of("unit length")
    products = kind(rows)
    strip = products.strip(0, 300)
    assert not (strip >= products.limits(np.full(300, np.inf, "float32"))).any()
    for least in (0.0, -1e-30, -0.5, -np.inf):
        taken = strip >= products.limits(np.full(300, least, "float32"))
        assert taken[rows @ rows.T > 1e-6].all()


def test_slack_is_what_rounding_may_do_and_not_much_more():
    rows = halfway(1)
    products = BFloat16(rows)
    rounded = np.round(rows * 2**7) / 2**7
    moved = np.abs(rows.astype("float64") @ rows.T - rounded.astype("float64") @ rounded.T)
    assert (moved.max(axis=1) <= products.slack).all()
    assert (products.slack <= 1.1 * moved.max(axis=1)).all()  # the row itself: all in one direction


def test_products_of_pairs_do_not_depend_on_who_is_first():
    rows = np.random.default_rng(0).normal(size=(5000, 33)).astype("float32")
    one, other = np.random.default_rng(1).integers(0, 5000, (2, 10_000))
    found = products_of_pairs(rows, one, other)
    np.testing.assert_array_equal(found, products_of_pairs(rows, other, one))
    np.testing.assert_array_equal(found[5:6], products_of_pairs(rows, one[5:6], other[5:6]))
    wide = rows.astype("float64")
    np.testing.assert_allclose(found, (wide[one] * wide[other]).sum(axis=1), atol=1e-5)


@pytest.mark.parametrize(
    ("spread", "depth", "is_quick", "expected"),
    [
        (1.0, 1, True, BFloat16),
        (1.0, 1, False, Float32),
        (1.0, 20, True, Float32),  # so deep that little is saved
        (0.03, 1, True, Float32),
        (1e-4, 1, True, None),  # all but one point
    ],
)
def test_the_quickest_that_tells_rows_apart(monkeypatch, spread, depth, is_quick, expected):
    monkeypatch.setattr(_products, "_ROWS_FOR_A_NEIGHBOUR", 100)
    monkeypatch.setattr(_products, "has_quick_bfloat16", lambda: is_quick)
    rng = np.random.default_rng(0)
    rows = 1 + spread * rng.normal(size=(1000, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")
    products = rows @ rows.T
    least = np.sort(products, axis=1)[:, -20]
    apart = rng.integers(0, 1000, (2, 4000))
    one, other = apart[:, apart[0] != apart[1]]
    found = _products.quickest_products(rows, np.full(1000, depth), least, (one, other))
    assert found is None if expected is None else isinstance(found, expected)


def test_long_rows_do_not_hide_that_the_short_ones_are_in_doubt(monkeypatch):
    monkeypatch.setattr(_products, "_ROWS_FOR_A_NEIGHBOUR", 1)
    monkeypatch.setattr(_products, "has_quick_bfloat16", lambda: True)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 32))
    rows[:, 0] = np.abs(rows[:, 0]) + 5
    rows *= np.where(np.arange(2000) % 18, 1e-3, -1.0)[:, None]
    rows = rows.astype("float32")
    least = np.sort(rows @ rows.T, axis=1)[:, -5]
    one, other = rng.integers(0, 2000, (2, 4000))
    found = _products.quickest_products(rows, np.ones(2000), least, (one, other))
    assert isinstance(found, Float32)


def test_none_without_pairs_apart():
    none = np.empty(0, np.int64)
    rows = rows_of("unit length")
    least = np.zeros(300, "float32")
    assert _products.quickest_products(rows, np.ones(300), least, (none, none)) is None


@pytest.fixture
def probe():
    _products._is_bfloat16_quick.cache_clear()
    yield _products.has_quick_bfloat16
    _products._is_bfloat16_quick.cache_clear()


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, True), (0.9, False), (3.0, False)])
def test_bfloat16_is_used_where_it_is_quicker(monkeypatch, probe, seconds, expected):
    def timed(products):
        return products.strip(0, 2048), seconds if isinstance(products, BFloat16) else 1.0

    monkeypatch.setattr(_products, "_strip_and_seconds", timed)
    assert probe() is (expected and keras.backend.backend() == "tensorflow")


def test_bfloat16_is_not_used_where_its_sums_are_rounded(monkeypatch, probe):
    def timed(products):
        if isinstance(products, Float32):
            return products.strip(0, 2048), 1.0
        total = np.zeros((2048, 2048), "float32")
        for column in products._rounded.numpy().astype("float32").T:
            total += np.outer(column, column)
            total = (total.view(np.uint32) & np.uint32(0xFFFF0000)).view("float32")
        return (total.view(np.uint32) >> 16).astype(np.int16), 0.1

    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setattr(_products, "_strip_and_seconds", timed)
    assert probe() is False


def test_bfloat16_is_not_used_in_a_forked_process(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setattr(_products, "_is_bfloat16_quick", lambda: True)
    assert _products.has_quick_bfloat16()
    monkeypatch.setattr(_products, "_PROCESS", -1)
    assert not _products.has_quick_bfloat16()


_FORKED = """
import multiprocessing
import keras
import numpy as np
from keras_metric.retrieval.measures import _products, evaluate

_products._ROWS_FOR_A_NEIGHBOUR = 0
_products._is_bfloat16_quick = lambda: True
rng = np.random.default_rng(0)
x, labels = rng.normal(size=(500, 8)).astype("float32"), rng.integers(0, 100, 500)
keras.Sequential([keras.layers.Dense(8)]).predict(x, verbose=0)
expected = evaluate(x, labels, measures=["map_at_r"])["map_at_r"]
with multiprocessing.get_context("fork").Pool(1) as pool:
    found = pool.apply_async(evaluate, (x, labels), {"measures": ["map_at_r"]}).get(60)
assert found["map_at_r"] == expected
print("the same")
"""


def test_a_forked_process_measures_the_same():
    script = [sys.executable, "-W", "ignore", "-c", _FORKED]
    done = subprocess.run(script, capture_output=True, text=True, timeout=180, check=False)
    assert done.stdout.endswith("the same\n"), done.stderr[-2000:]


def test_bfloat16_is_not_used_while_a_graph_is_made(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setattr(_products, "_is_bfloat16_quick", lambda: True)
    with tf.Graph().as_default():
        assert not _products.has_quick_bfloat16()
