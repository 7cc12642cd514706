"""Siamese and triplet networks: what they compute, train on, save, show and refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import layers, losses, models
from tests.backends import to_numpy

ROOT = Path(__file__).parents[3]
RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 256, size=(6, 8, 8, 1)).astype("uint8") for _ in range(3)]
SAME = np.array([1, 0, 1, 0, 1, 0])


def embedding(normalize=True, size=5, shape=(8, 8, 1)):
    return models.embedding_network(models.small_cnn(shape, (4, 8)), size, normalize)


def networks():
    return {
        "logit": models.SiameseNetwork(embedding(), layers.SimilarityHead("product", [3])),
        "distance": models.SiameseNetwork(embedding(), layers.PairwiseDistance("manhattan")),
        "default": models.SiameseNetwork(embedding(False)),
        "triplet": models.TripletNetwork(embedding(), "squared_euclidean"),
        "stacked": models.TripletNetwork(embedding(), None, name="three"),
    }


NAMES = list(networks())


def inputs_of(network):
    return tuple(IMAGES[: len(network.inputs)])


def test_a_siamese_network_is_its_head_on_its_embeddings():
    network = networks()["distance"]
    a, b = (to_numpy(network.embedding(x)) for x in IMAGES[:2])
    found = to_numpy(network(inputs_of(network)))
    assert found.shape == (6, 1)
    np.testing.assert_allclose(found[:, 0], np.abs(a - b).sum(axis=1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(to_numpy(network.head([a, b])), found, rtol=1e-4, atol=1e-5)


def test_a_triplet_network_puts_out_both_distances():
    network = networks()["triplet"]
    a, p, n = (to_numpy(network.embedding(x)) for x in IMAGES)
    expected = np.stack([((a - p) ** 2).sum(1), ((a - n) ** 2).sum(1)], axis=1)
    found = to_numpy(network(inputs_of(network)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_without_a_distance_it_puts_out_the_embeddings():
    network = networks()["stacked"]
    found = to_numpy(network(inputs_of(network)))
    expected = np.stack([to_numpy(network.embedding(x)) for x in IMAGES], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_streams_share_their_weights():
    network = networks()["triplet"]
    assert network.count_params() == network.embedding.count_params()


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_computes_the_same(name, tmp_path):
    network = networks()[name]
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert type(loaded) is type(network)
    assert loaded.name == network.name
    if name == "triplet":
        assert loaded.distance.get_config() == network.distance.get_config()
        assert type(loaded.distance) is type(network.distance)
    if hasattr(network, "head"):
        assert loaded.head.get_config() == network.head.get_config()
    np.testing.assert_allclose(
        to_numpy(loaded(inputs_of(network))), to_numpy(network(inputs_of(network))), rtol=1e-5
    )
    np.testing.assert_allclose(
        to_numpy(loaded.embedding(IMAGES[0])), to_numpy(network.embedding(IMAGES[0])), rtol=1e-5
    )


def test_weights_alone_and_a_clone(tmp_path):
    network, other = networks()["logit"], networks()["logit"]
    network.save_weights(tmp_path / "network.weights.h5")
    other.load_weights(tmp_path / "network.weights.h5")
    clone = keras.models.clone_model(network)
    clone.set_weights(network.get_weights())
    expected = to_numpy(network(inputs_of(network)))
    for copy in (other, clone):
        np.testing.assert_allclose(to_numpy(copy(inputs_of(network))), expected, rtol=1e-5)


@pytest.mark.slow
def test_a_fresh_process_loads_it_and_trains_on(tmp_path):
    network = networks()["logit"]
    network.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    network.fit(inputs_of(network), SAME, verbose=0)
    network.save(tmp_path / "network.keras")
    np.savez(tmp_path / "arrays.npz", *IMAGES[:2], out=to_numpy(network(inputs_of(network))))
    script = """
import sys, keras, numpy as np, keras_metric
network = keras.saving.load_model(sys.argv[1] + "/network.keras")
with np.load(sys.argv[1] + "/arrays.npz") as saved:
    a, b, out = saved["arr_0"], saved["arr_1"], saved["out"]
np.testing.assert_allclose(network.predict((a, b), verbose=0), out, rtol=1e-4, atol=1e-5)
network.fit((a, b), np.ones(len(a)), verbose=0)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": keras.backend.backend()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", ["logit", "triplet"])
def test_under_mixed_precision_it_puts_out_float32_and_loads_as_it_was(name, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = networks()[name]
    finally:
        keras.config.set_dtype_policy("float32")
    found = network(inputs_of(network))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert network.outputs[0].dtype == "float32"
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    policies = [layer.dtype_policy.name for layer in network.embedding.layers[1:]]
    assert [layer.dtype_policy.name for layer in loaded.embedding.layers[1:]] == policies
    assert "mixed_float16" in policies
    np.testing.assert_allclose(to_numpy(loaded(inputs_of(network))), to_numpy(found), rtol=1e-3)


@pytest.mark.parametrize("name", ["logit", "triplet"])
def test_summary_shows_streams_embedding_and_head(name):
    lines = []
    networks()[name].summary(print_fn=lambda line, **_: lines.append(line), line_length=120)
    text = "\n".join(lines)
    assert "small_cnn_embedding" in text
    assert ("image_b" if name == "logit" else "negative") in text


def test_plot_model_draws_it(tmp_path):
    pytest.importorskip("pydot")
    if shutil.which("dot") is None:
        pytest.skip("needs Graphviz, a program that pip cannot install and `.ci/run` does")
    keras.utils.plot_model(networks()["triplet"], tmp_path / "network.png", expand_nested=True)
    assert (tmp_path / "network.png").stat().st_size > 1000


def test_inputs_by_name_or_as_a_list_are_the_same():
    network = networks()["distance"]
    a, b = inputs_of(network)
    expected = network.predict((a, b), verbose=0)
    for inputs in ([a, b], {"image_a": a, "image_b": b}):
        np.testing.assert_allclose(network.predict(inputs, verbose=0), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("logit", keras.losses.BinaryCrossentropy(from_logits=True)),
        ("distance", losses.ContrastiveLoss()),
        ("triplet", losses.TripletMarginLoss(0.2)),
        ("stacked", losses.TripletMarginLoss(0.2, swap=True)),
    ],
)
def test_it_learns_its_batch(name, loss):
    keras.utils.set_random_seed(1)
    network = networks()[name]
    network.compile(keras.optimizers.Adam(0.02), loss)
    x = inputs_of(network)
    losses_seen = network.fit(x, SAME, epochs=8, batch_size=6, verbose=0).history["loss"]
    assert losses_seen[-1] < 0.8 * losses_seen[0]


def test_sample_weights_count():
    network = networks()["distance"]
    network.compile("sgd", losses.ContrastiveLoss())
    weights = np.array([2.0, 0, 0, 0, 0, 0], "float32")
    d = to_numpy(network(inputs_of(network)))[0, 0]
    found = network.evaluate(inputs_of(network), SAME, sample_weight=weights, verbose=0)
    assert found == pytest.approx(2 * d**2 / 6, rel=1e-3)


def test_sample_weights_and_targets_of_a_wrong_shape_are_refused_before_an_epoch():
    network = networks()["logit"]
    network.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    x, wide = inputs_of(network), np.ones((6, 3), "float32")
    with pytest.raises(ValueError, match=r"`sample_weight`.*one entry a row.*\(\w+, 3\)"):
        network.fit(x, SAME, sample_weight=wide, verbose=0)
    with pytest.raises(ValueError, match=r"`y` must have one entry a row.*y.shape=\(\w+, 3\)"):
        network.fit(x, wide, verbose=0)
    triplet = networks()["triplet"]
    triplet.compile("sgd", losses.TripletMarginLoss())
    with pytest.raises(ValueError, match=r"`sample_weight` must have one entry a row"):
        triplet.fit(IMAGES, SAME, sample_weight=wide, verbose=0)


def test_images_of_another_size_and_too_few_of_them_are_refused():
    network = networks()["distance"]
    large = np.zeros((6, 9, 8, 1), "float32")
    with pytest.raises(ValueError, match=r"incompatible.*expected shape=\(None, 8, 8, 1\)"):
        network((IMAGES[0], large))
    with pytest.raises(ValueError, match=r"expects 2 .*received 3 input tensors"):
        network(tuple(IMAGES))


def test_what_is_no_embedding_is_refused():
    with pytest.raises(TypeError, match=r"must be a Keras model. Received: embedding='cnn'"):
        models.SiameseNetwork("cnn")
    with pytest.raises(ValueError, match=r"must put out vectors.*shape \(None, 2, 2, 8\)"):
        models.TripletNetwork(models.small_cnn((8, 8, 1), (4, 8)))
    with pytest.raises(ValueError, match=r"known input shape.*embedding='sequential\w*', of type"):
        models.SiameseNetwork(keras.Sequential([keras.layers.Dense(4)]))
    a, b = keras.Input((4,)), keras.Input((4,))
    with pytest.raises(ValueError, match=r"one input and one output. Received: 1 inputs and 2"):
        models.SiameseNetwork(keras.Model(a, [a, a * 2]))
    with pytest.raises(ValueError, match=r"one input and one output. Received: 2 inputs and 1"):
        models.TripletNetwork(keras.Model([a, b], a + b))


def test_a_subclassed_model_serves_when_wrapped():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    with pytest.raises(ValueError, match=r"or wrap it.*of type Own"):
        models.SiameseNetwork(Own())
    x = keras.Input((4,))
    network = models.SiameseNetwork(keras.Model(x, Own()(x)), layers.CosineSimilarity())
    assert network.output_shape == (None, 1)


def test_what_is_no_head_is_refused():
    for head in ("distance", layers.PairwiseDistance):
        with pytest.raises(TypeError, match=r"`head` must be a Keras layer. Received: head="):
            models.SiameseNetwork(embedding(), head)
    with pytest.raises(ValueError, match=r"3 inputs, anchor, positive and negative.*: 2 inputs"):
        models.SiameseNetwork(embedding(), layers.TripletDistances())
    with pytest.raises(ValueError, match=r"Did you mean 'cosine'"):
        models.TripletNetwork(embedding(), "cosne")


def test_a_head_may_be_a_model_of_the_users():
    a, b = keras.Input((5,)), keras.Input((5,))
    joined = layers.ConcatenateFeatures()([a, b])
    head = keras.Model([a, b], keras.layers.Dense(1)(keras.layers.Dense(4, "relu")(joined)))
    network = models.SiameseNetwork(embedding(), head)
    assert tuple(ops.shape(network(inputs_of(network)))) == (6, 1)
