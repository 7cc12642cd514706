"""Keras's own `fit` straight on what `tfds.load` gives, on any backend."""

import keras
import pytest
import tensorflow_datasets as tfds

import tfds_builders  # registers the datasets
from keras_metric import layers, losses, models

assert tfds_builders


def load(name, rows):
    stored = tfds.load(f"{name}/sample", as_supervised=True, split="train")
    return stored.take(rows).batch(rows // 2)


def small_embedding():
    return models.embedding_network(models.small_cnn(filters=(4, 8)), 8)


@pytest.mark.parametrize(
    ("head", "loss", "metrics"),
    [
        (
            layers.SimilarityHead(),
            keras.losses.BinaryCrossentropy(from_logits=True),
            [keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
        ),
        (layers.PairwiseDistance(), losses.ContrastiveLoss(), []),
    ],
)
def test_pairs(head, loss, metrics):
    network = models.SiameseNetwork(small_embedding(), head)
    network.compile("adam", loss, metrics=metrics)
    history = network.fit(load("fashion_pairs", 64), shuffle=False, verbose=0).history
    assert history["loss"][0] > 0
    if metrics:
        # A mean over pairs, not over a broadcast (batch, batch): a multiple of 1/64.
        assert history["accuracy"][0] * 64 == pytest.approx(round(history["accuracy"][0] * 64))
        predicted = network.predict(load("fashion_pairs", 64).map(lambda x, y: (x,)), verbose=0)
        assert predicted.shape == (64, 1)


@pytest.mark.parametrize("distance", ["euclidean", None])
def test_triplets(distance):
    network = models.TripletNetwork(small_embedding(), distance)
    network.compile("adam", losses.TripletMarginLoss(0.2, swap=distance is None))
    assert (
        network.fit(load("fashion_triplets", 64), shuffle=False, verbose=0).history["loss"][0] > 0
    )


def test_sample_weights_in_the_dataset():
    network = models.SiameseNetwork(small_embedding(), layers.PairwiseDistance())
    network.compile("adam", losses.ContrastiveLoss())
    weighted = load("fashion_pairs", 8).map(lambda x, same: (x, same, 0.0 * tf_float(same)))
    assert network.fit(weighted, shuffle=False, verbose=0).history["loss"][0] == 0


def tf_float(values):
    import tensorflow as tf

    return tf.cast(values, "float32")
