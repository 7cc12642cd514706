"""Heads on two or three embeddings: values by hand, shapes, symmetry, configuration, errors."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import distances, layers, losses
from tests.backends import to_numpy, value_and_gradient

A = np.array([[0.0, 0.0], [1.0, 2.0]], "float32")
B = np.array([[3.0, 4.0], [1.0, 2.0]], "float32")
RNG = np.random.default_rng(0)
PAIR_LAYERS = [
    layers.AbsoluteDifference,
    layers.ConcatenateFeatures,
    layers.CosineSimilarity,
    layers.PairwiseDistance,
    layers.SimilarityHead,
]


def l1(a, b):
    """A user's distance."""
    return ops.sum(ops.abs(a[:, None] - b[None]), axis=-1)


def random_rows(count, rows=5, dim=4):
    return [RNG.normal(size=(rows, dim)).astype("float32") for _ in range(count)]


def test_values_by_hand():
    assert to_numpy(layers.AbsoluteDifference()([A, B])).tolist() == [[3, 4], [0, 0]]
    assert to_numpy(layers.ConcatenateFeatures()([A, B])).tolist() == [[0, 0, 3, 4], [1, 2, 1, 2]]
    assert to_numpy(layers.PairwiseDistance()([A, B])).tolist() == [[5], [0]]
    assert to_numpy(layers.PairwiseDistance("manhattan")([A, B])).tolist() == [[7], [0]]
    # A row of zeros has no direction.
    np.testing.assert_allclose(to_numpy(layers.CosineSimilarity()([A, B])), [[0], [1]], rtol=1e-6)
    found = layers.TripletDistances("squared_euclidean")([A, B, A + 1])
    np.testing.assert_allclose(to_numpy(found), [[25, 2], [0, 2]], rtol=1e-6)


@pytest.mark.parametrize("name", ["euclidean", "squared_euclidean", "cosine", "arc", "snr"])
def test_distances_are_the_diagonal_of_all_pairs(name):
    a, b, c = random_rows(3)
    matrix = to_numpy(distances.get(name).pairwise(a, b))
    found = to_numpy(layers.PairwiseDistance(name)([a, b]))
    np.testing.assert_allclose(found[:, 0], np.diag(matrix), rtol=1e-4, atol=1e-5)
    both = to_numpy(layers.TripletDistances(name)([a, b, c]))
    np.testing.assert_allclose(both[:, :1], found, rtol=1e-6, atol=1e-6)


def test_cosine_similarity_is_numpys():
    a, b = random_rows(2)
    expected = [(x @ y) / np.linalg.norm(x) / np.linalg.norm(y) for x, y in zip(a, b, strict=True)]
    found = to_numpy(layers.CosineSimilarity()([a, b]))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5, atol=1e-6)


def test_similarity_head_by_hand():
    head = layers.SimilarityHead(
        ["difference", "product", "concatenation"], output_activation="sigmoid"
    )
    head.build([(None, 2), (None, 2)])
    kernel = np.arange(1, 9, dtype="float32")[:, None] / 10
    head.set_weights([kernel, np.array([-1.0], "float32")])
    a, b = np.array([[1.0, 2.0]], "float32"), np.array([[3.0, 1.0]], "float32")
    features = np.array([2, 1, 3, 2, 1, 2, 3, 1])
    logit = (features * np.arange(1, 9) / 10).sum() - 1
    np.testing.assert_allclose(to_numpy(head([a, b])), [[1 / (1 + np.exp(-logit))]], rtol=1e-5)


def test_similarity_head_with_a_hidden_layer_by_hand():
    head = layers.SimilarityHead("product", units=[2])
    head.build([(None, 2), (None, 2)])
    first = np.array([[1.0, -1.0], [2.0, 0.5]], "float32")
    last = np.array([[1.0], [10.0]], "float32")
    head.set_weights([first, np.zeros(2), last, np.array([0.25])])
    # Products 3 and 2: 3 + 4 = 7 and relu(-3 + 1) = 0.
    a, b = np.array([[1.0, 2.0]], "float32"), np.array([[3.0, 1.0]], "float32")
    np.testing.assert_allclose(to_numpy(head([a, b])), [[7.25]], rtol=1e-6)


@pytest.mark.parametrize(
    ("head", "is_symmetric"),
    [
        (layers.AbsoluteDifference(), True),
        (layers.CosineSimilarity(), True),
        (layers.PairwiseDistance(), True),
        (layers.SimilarityHead(["difference", "product"], [8]), True),
        (layers.SimilarityHead("concatenation", [8]), False),
        (layers.ConcatenateFeatures(), False),
    ],
)
def test_who_comes_first_matters_only_to_a_concatenation(head, is_symmetric):
    a, b = random_rows(2)
    there, back = to_numpy(head([a, b])), to_numpy(head([b, a]))
    assert np.allclose(there, back, atol=1e-6) == is_symmetric


@pytest.mark.parametrize("layer", [layers.PairwiseDistance, layers.CosineSimilarity])
def test_equal_embeddings_have_a_finite_gradient(layer):
    for rows in (np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")):
        _, gradient = value_and_gradient(lambda x: ops.sum(layer()([x, x * 1.0])), rows)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("make", [*PAIR_LAYERS, layers.TripletDistances])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_symbolic_shape_and_dtype_are_those_of_the_values(make, dtype):
    layer = make(dtype="mixed_float16" if dtype == "float16" else None)
    count = len(layer.roles)
    symbolic = layer([keras.Input((4,), dtype=dtype) for _ in range(count)])
    values = layer([ops.cast(x, dtype) for x in random_rows(count)])
    assert symbolic.shape[1:] == tuple(values.shape)[1:]
    assert symbolic.shape[1:] == layer.compute_output_shape([(None, 4)] * count)[1:]
    assert symbolic.dtype == keras.backend.standardize_dtype(values.dtype)
    is_combination = make in (layers.AbsoluteDifference, layers.ConcatenateFeatures)
    assert symbolic.dtype == (dtype if is_combination else "float32")


CONFIGURED = [
    layers.AbsoluteDifference(name="one"),
    layers.ConcatenateFeatures(),
    layers.CosineSimilarity(),
    layers.PairwiseDistance("manhattan"),
    layers.PairwiseDistance(distances.EuclideanDistance(), name="apart"),
    layers.TripletDistances("cosine", dtype="float64"),
    layers.SimilarityHead(["product", "difference"], [3, 5], "tanh", "sigmoid", name="head"),
]


@pytest.mark.parametrize("layer", CONFIGURED, ids=lambda layer: type(layer).__name__)
def test_configuration_survives_json(layer):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    copy = keras.saving.deserialize_keras_object(config)
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
    inputs = random_rows(len(layer.roles))
    layer(inputs), copy(inputs)
    copy.set_weights(layer.get_weights())
    np.testing.assert_allclose(to_numpy(copy(inputs)), to_numpy(layer(inputs)), rtol=1e-6)


def test_a_users_function_is_a_distance():
    a, b = random_rows(2)
    found = to_numpy(layers.PairwiseDistance(l1)([a, b]))
    np.testing.assert_allclose(found[:, 0], np.abs(a - b).sum(axis=1), rtol=1e-5)


def test_their_losses_take_what_they_put_out():
    apart = layers.PairwiseDistance()([A, B])  # 5 and 0
    # Same and 5 apart: 25; different and 0 apart: (2 - 0)^2.
    loss = losses.ContrastiveLoss(margin=2.0)(np.array([1, 0]), apart)
    np.testing.assert_allclose(to_numpy(loss), (25 + 4) / 2, rtol=1e-6)
    both = layers.TripletDistances()([A, B, A])  # 5, 0 and 0, 0
    loss = losses.TripletMarginLoss(margin=0.5)(np.zeros(2), both)
    np.testing.assert_allclose(to_numpy(loss), (5.5 + 0.5) / 2, rtol=1e-6)


@pytest.mark.parametrize("make", PAIR_LAYERS)
def test_one_input_or_three_are_refused(make):
    one = keras.Input((4,))
    for inputs in ([one], [one, one, one]):
        with pytest.raises(ValueError, match=rf"2 inputs, a and b. Received: {len(inputs)} input"):
            make()(inputs)
    for inputs in (one, np.zeros((3, 4), "float32"), np.zeros((3, 2, 4), "float32")):
        with pytest.raises(ValueError, match=r"list of 2 inputs, a and b. Received: 1 input"):
            make()(inputs)


@pytest.mark.parametrize(
    "shapes",
    [[(2, 4), (2, 5)], [(2, 4), (3, 4)], [(1, 4), (3, 4)], [(2, 4, 1), (2, 4, 1)], [(2,), (2,)]],
)
def test_shapes_that_do_not_go_together_are_refused(shapes):
    for make in (layers.AbsoluteDifference, layers.PairwiseDistance, layers.SimilarityHead):
        with pytest.raises(ValueError, match=r"of one shape \(batch, dim\). Received: shapes \("):
            make()([np.ones(shape, "float32") for shape in shapes])


def test_a_built_head_checks_again():
    head = layers.SimilarityHead()
    head(random_rows(2))
    with pytest.raises(ValueError, match=r"Received: 3 inputs"):
        head(random_rows(3))


def test_a_triplet_has_three():
    with pytest.raises(ValueError, match=r"3 inputs, anchor, positive and negative.*: 2 inputs"):
        layers.TripletDistances()(random_rows(2))


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"Did you mean 'product'.*Received: features='produkt'"):
        layers.SimilarityHead("produkt")
    with pytest.raises(ValueError, match=r"at least one.*Received: features=\[\]"):
        layers.SimilarityHead([])
    for units in ([0], [2.5], [True], "8"):
        with pytest.raises(ValueError, match=r"positive integers. Received: units="):
            layers.SimilarityHead(units=units)
    with pytest.raises(ValueError, match=r"Did you mean 'cosine'.*Received: distance='cosin'"):
        layers.PairwiseDistance("cosin")
    with pytest.raises(TypeError, match="floating point"):
        layers.PairwiseDistance()([np.ones((2, 3), "int32")] * 2)
