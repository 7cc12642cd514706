import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import distances
from tests.oracles.distances import ALIASES, PAIRWISE


def rows(seed, count=6, dim=5):
    return np.random.default_rng(seed).normal(size=(count, dim)).astype("float32")


def array(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("name", [*PAIRWISE, *ALIASES])
def test_pairwise_is_its_definition(name):
    a, b = rows(0), rows(1, count=4)
    expected = PAIRWISE[ALIASES.get(name, name)](a, b)
    np.testing.assert_allclose(
        array(distances.get(name).pairwise(a, b)), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", PAIRWISE)
def test_paired_is_the_diagonal_of_pairwise(name):
    a, b = rows(2), rows(3)
    expected = np.diag(PAIRWISE[name](a, b))
    np.testing.assert_allclose(
        array(distances.get(name).paired(a, b)), expected, rtol=1e-4, atol=1e-5
    )


def test_near_duplicates_keep_their_digits():
    a = rows(4)
    b = a + np.float32(1e-4)
    exact = np.sqrt(((a.astype("float64") - b.astype("float64")) ** 2).sum(1))
    ours = np.diag(array(distances.get("euclidean").pairwise(a, b)))
    np.testing.assert_allclose(ours, exact, rtol=1e-2)


def test_unknown_name_is_told_with_the_nearest():
    with pytest.raises(ValueError, match=r"euclidean.*Received"):
        distances.get("euclidian")


def test_a_function_is_a_distance():
    taxi = distances.get(lambda x: ops.sum(ops.abs(x[:, None] - x[None]), axis=-1))
    a = rows(5)
    np.testing.assert_allclose(array(taxi.pairwise(a)), PAIRWISE["manhattan"](a, a), rtol=1e-5)


def test_sixteen_bit_input_is_computed_in_thirty_two():
    x = ops.cast(rows(6), "float16")
    dtype = keras.backend.standardize_dtype(distances.get("euclidean").pairwise(x).dtype)
    assert dtype == "float32"
