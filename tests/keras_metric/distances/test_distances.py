import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import distances
from tests.backends import to_numpy, value_and_gradient
from tests.oracles.distances import ALIASES, PAIRWISE


def test_every_name_has_an_oracle():
    assert set(distances.names()) == set(PAIRWISE) | set(ALIASES)


@pytest.mark.parametrize("name", distances.names())
def test_pairwise_is_the_definition(name):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 20)), rng.normal(size=(5, 20))
    expected = PAIRWISE[ALIASES.get(name, name)]
    distance = distances.get(name)
    got = distance.pairwise(a.astype("float32"), b.astype("float32"))
    np.testing.assert_allclose(to_numpy(got), expected(a, b), rtol=1e-5, atol=1e-5)
    got = distance.pairwise(a.astype("float32"))
    np.testing.assert_allclose(to_numpy(got), expected(a, a), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", sorted(PAIRWISE))
def test_paired_is_the_diagonal_of_pairwise(name):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 6, 10)).astype("float32")
    distance = distances.get(name)
    diagonal = np.diag(to_numpy(distance.pairwise(a, b)))
    np.testing.assert_allclose(to_numpy(distance.paired(a, b)), diagonal, rtol=1e-5, atol=1e-6)


def test_paired_compares_the_last_axis_whatever_stands_before():
    a = np.zeros((2, 3, 2), "float32")
    b = np.broadcast_to(np.array([3.0, 4.0], "float32"), a.shape)
    np.testing.assert_allclose(
        to_numpy(distances.get("euclidean").paired(a, b)), np.full((2, 3), 5.0)
    )


def near_duplicates(dim=64):
    """Rows of length 1, and as many that are 1e-4 from them."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(12, dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    step = rng.normal(size=x.shape)
    step -= (step * x).sum(1, keepdims=True) * x
    near = x + 1e-4 * step / np.linalg.norm(step, axis=1, keepdims=True)
    return x.astype("float32"), near.astype("float32")


@pytest.mark.parametrize("name", sorted(set(PAIRWISE) - {"angular", "dot_product"}))
@pytest.mark.parametrize("two_sets", [False, True])
def test_near_duplicates_keep_their_digits(name, two_sets):
    both = np.concatenate(near_duplicates())
    got = to_numpy(distances.get(name).pairwise(both, both if two_sets else None))
    oracle = {"cosine": "squared_euclidean", "arc": "euclidean"}.get(name, name)
    expected = PAIRWISE[oracle](both, both)[np.arange(12), np.arange(12, 24)]
    expected = expected / 2 if name == "cosine" else expected
    np.testing.assert_allclose(got[np.arange(12), np.arange(12, 24)], expected, rtol=2e-3)
    assert np.all(np.diag(got) < 1e-12)


# The derivative of each distance of `a` to `b` by `a`, in 64 bits.
SLOPES = {
    "euclidean": lambda a, b: _unit(a - b),
    "squared_euclidean": lambda a, b: 2.0 * (a - b),
    "manhattan": lambda a, b: np.sign(a - b),
    # |a - b|^2 / |a|^2 of the centred rows.
    "snr": lambda a, b: _snr_slope(_centred(a), _centred(b)),
}


def _unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _centred(x):
    return x - x.mean(axis=1, keepdims=True)


def _snr_slope(a, b):
    signal = (a * a).sum(axis=1, keepdims=True)
    noise = ((a - b) ** 2).sum(axis=1, keepdims=True)
    return 2.0 * (a - b) / signal - 2.0 * a * noise / signal**2


@pytest.mark.parametrize("name", sorted(set(PAIRWISE) - {"angular", "dot_product"}))
@pytest.mark.parametrize("dim", [2, 16, 512])
def test_gradient_of_near_duplicates_is_that_of_pairs(name, dim):
    a, b = near_duplicates(dim)
    distance, rows = distances.get(name), np.arange(len(a))
    _, expected = value_and_gradient(lambda a: ops.sum(distance.paired(a, b)), a)
    both = np.concatenate([a, b])

    def of_two_sets(a):
        return ops.sum(ops.diagonal(distance.pairwise(a, b)))

    def of_one_set(x):
        return ops.sum(ops.diagonal(distance.pairwise(x)[:12, 12:]))

    # Differences of 1e-4 are known to 1e-7.
    atol = 1e-2 * np.abs(expected).max()
    if name in SLOPES:
        exact = SLOPES[name](a.astype("float64"), b.astype("float64"))
        np.testing.assert_allclose(expected, exact, atol=atol)
    for function, x in ((of_two_sets, a), (of_one_set, both)):
        _, gradient = value_and_gradient(function, x)
        np.testing.assert_allclose(gradient[rows], expected, atol=atol, err_msg=function.__name__)


@pytest.mark.parametrize("name", sorted(PAIRWISE))
def test_gradient_is_finite_at_coinciding_opposite_and_zero_rows(name):
    x = np.array([[1.0, 2.0], [1.0, 2.0], [-1.0, -2.0], [0.0, 0.0], [0.0, 0.0], [5.0, 5.0]])
    for function in (
        lambda x: ops.sum(distances.get(name).pairwise(x)),
        lambda x: ops.sum(distances.get(name).pairwise(x, x)),
        lambda x: ops.sum(distances.get(name).paired(x[:-1], x[1:])),
    ):
        value, gradient = value_and_gradient(function, x.astype("float32"))
        assert np.isfinite(value)
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("name", sorted(PAIRWISE))
def test_gradient_agrees_with_differences(name):
    rng = np.random.default_rng(3)
    x, weights = rng.normal(size=(5, 4)), rng.normal(size=(5, 5))
    weights -= np.diag(np.diag(weights))

    def value(x):
        return (PAIRWISE[name](x, x) * weights).sum()

    _, gradient = value_and_gradient(
        lambda x: ops.sum(ops.multiply(distances.get(name).pairwise(x), weights.astype("float32"))),
        x.astype("float32"),
    )
    for i, j in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[i, j] = 1e-6
        slope = (value(x + step) - value(x - step)) / 2e-6
        np.testing.assert_allclose(gradient[i, j], slope, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", sorted(PAIRWISE))
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_floats_are_computed_in_float32(name, dtype):
    rng = np.random.default_rng(4)
    x = ops.cast(rng.normal(size=(6, 32)).astype("float32"), dtype)
    got = distances.get(name).pairwise(x)
    assert keras.backend.standardize_dtype(got.dtype) == "float32"
    wide = to_numpy(ops.cast(x, "float32"))
    np.testing.assert_allclose(to_numpy(got), PAIRWISE[name](wide, wide), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", ["euclidean", "cosine", "arc"])
def test_huge_and_tiny_norms_stay_finite(name):
    x = np.array([[1e15, 0.0], [0.0, 1e15], [1e-15, 1e-15]], "float32")
    value, gradient = value_and_gradient(lambda x: ops.sum(distances.get(name).pairwise(x)), x)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


def test_cosine_by_hand():
    x = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 0.0]], "float32")
    # cos of (1, 0) and (3, 4) is 3 / 5; zeros have no direction.
    expected = [[0.0, 0.4, 1.0], [0.4, 0.0, 1.0], [1.0, 1.0, 1.0]]
    np.testing.assert_allclose(to_numpy(distances.get("cosine").pairwise(x)), expected, atol=1e-6)
    similarity = distances.get("cosine").to_similarity(np.array([0.4]))
    np.testing.assert_allclose(similarity, [0.6])


def test_signal_without_variance_is_at_distance_zero():
    got = distances.get("snr").pairwise(np.array([[1.0, 1.0], [0.0, 2.0]], "float32"))
    # var((0, 2) - (1, 1)) / var((0, 2)) = 1 / 1.
    np.testing.assert_allclose(to_numpy(got), [[0.0, 0.0], [1.0, 0.0]], atol=1e-6)


@keras.saving.register_keras_serializable("keras_metric_tests")
def absolute_difference(a):
    return ops.abs(a - ops.transpose(a))


def test_a_function_of_one_set_serves_for_two():
    distance = distances.get(absolute_difference)
    a, b = np.array([[0.0], [1.0]], "float32"), np.array([[5.0], [7.0], [9.0]], "float32")
    np.testing.assert_allclose(to_numpy(distance.pairwise(a, b)), [[5, 7, 9], [4, 6, 8]])
    np.testing.assert_allclose(to_numpy(distance.pairwise(a)), [[0, 1], [1, 0]])
    np.testing.assert_allclose(to_numpy(distance.paired(a, b[:2])), [5.0, 6.0])


def test_a_function_of_two_sets():
    distance = distances.get(lambda a, b: ops.abs(a - ops.transpose(b)))
    a, b = np.array([[0.0], [1.0]], "float32"), np.array([[5.0]], "float32")
    np.testing.assert_allclose(to_numpy(distance.pairwise(a, b)), [[5], [4]])


def test_configurations_rebuild():
    for name in distances.names():
        again = distances.get(distances.serialize(distances.get(name)))
        assert type(again) is type(distances.get(name))
    config = distances.serialize(distances.get(absolute_difference))
    assert distances.get(config).function is absolute_difference
    assert repr(distances.get("L2")) == "EuclideanDistance()"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("l2", "L2"), ("euclidian", "euclidean"), ("squared-l2", "squared-L2"), ("cosin", "cosine")],
)
def test_unknown_name_lists_the_known_and_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=rf"'manhattan'.*mean '{nearest}'.*distance='{name}'"):
        distances.get(name)


def test_unlike_anything_known():
    with pytest.raises(ValueError, match=r"known are .* Received: distance='zzz'"):
        distances.get("zzz")


def test_bad_input_is_named():
    distance = distances.get("L2")
    with pytest.raises(TypeError, match="Received: distance=3"):
        distances.get(3)
    with pytest.raises(TypeError, match="one set of embeddings or two"):
        distances.get(lambda a, b, c: a)
    with pytest.raises(TypeError, match="Received: a of dtype=int"):
        distance.pairwise(np.zeros((2, 2), "int32"))
    with pytest.raises(ValueError, match=r"Received: a\.shape=\(2,\)"):
        distance.pairwise(np.zeros(2, "float32"))
    with pytest.raises(ValueError, match=r"Received: b\.shape=\(2, 2, 2\)"):
        distance.pairwise(np.zeros((2, 2), "float32"), np.zeros((2, 2, 2), "float32"))
    with pytest.raises(ValueError, match=r"same dimension.*b\.shape=\(2, 3\)"):
        distance.pairwise(np.zeros((2, 2), "float32"), np.zeros((2, 3), "float32"))
    with pytest.raises(ValueError, match=r"same dimension.*b\.shape=\(2, 3\)"):
        distance.paired(np.zeros((2, 2), "float32"), np.zeros((2, 3), "float32"))
    with pytest.raises(ValueError, match=r"\(batch, dim\). Received: a\.shape=\(2, 2, 2\)"):
        distances.get(absolute_difference).paired(*np.zeros((2, 2, 2, 2), "float32"))
