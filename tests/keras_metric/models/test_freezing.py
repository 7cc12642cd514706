"""Freezing, and freeing the last layers stage by stage."""

import keras
import numpy as np
import pytest

from keras_metric import losses, models
from tests.backends import to_numpy

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, size=(4, 8, 8, 1)).astype("uint8")


def parts():
    backbone = models.small_cnn((8, 8, 1), (4, 8))
    return backbone, models.embedding_network(backbone, 3)


def trained(network):
    return [weight.path.split("/")[-2] for weight in network.trainable_weights]


def fit(network):
    siamese = models.SiameseNetwork(network)
    siamese.compile(keras.optimizers.SGD(1.0), keras.losses.BinaryCrossentropy(from_logits=True))
    siamese.fit((IMAGES, IMAGES[::-1]), np.array([0.0, 1, 1, 0]), verbose=0)


def test_a_frozen_backbone_stays_as_it_is_averages_included():
    backbone, network = parts()
    models.freeze(backbone)
    assert set(trained(network)) == {"embedding"}
    before = [to_numpy(weight).copy() for weight in backbone.weights]
    dense = to_numpy(network.get_layer("embedding").kernel).copy()
    fit(network)
    for old, weight in zip(before, backbone.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(weight), old)
    assert np.abs(to_numpy(network.get_layer("embedding").kernel) - dense).max() > 0


def test_the_last_layers_are_freed():
    backbone, network = parts()
    models.freeze(backbone)
    names = [layer.name for layer in backbone.layers if isinstance(layer, keras.layers.Conv2D)]
    assert models.unfreeze(backbone, last=1) == names[-1:]
    assert trained(network) == [names[-1], "embedding", "embedding"]
    assert models.unfreeze(backbone, fraction=0.26) == names[-2:]  # 0.26 of 4, rounded up
    assert models.unfreeze(backbone) == names
    assert models.unfreeze(backbone, last=1) == names[-1:]  # fewer again
    first = to_numpy(backbone.layers[2].kernel).copy()
    last = to_numpy(backbone.get_layer(names[-1]).kernel).copy()
    fit(network)
    np.testing.assert_array_equal(to_numpy(backbone.layers[2].kernel), first)
    assert np.abs(to_numpy(backbone.get_layer(names[-1]).kernel) - last).max() > 0


def test_batch_normalizations_are_freed_when_asked():
    backbone, network = parts()
    models.freeze(backbone)
    freed = models.unfreeze(backbone, last=2, batch_normalization=True)
    kinds = [type(network.get_layer(name)).__name__ for name in freed]
    assert kinds == ["Conv2D", "FusedBatchNormalization"] * 2


def test_layers_of_networks_inside_count_in_their_place():
    _, network = parts()
    siamese = models.SiameseNetwork(network)
    assert models.unfreeze(siamese, last=2) == ["embedding", "head"]
    assert len(siamese.trainable_weights) == 4
    inner = models.backbone("small_resnet", (8, 8, 1), trainable=False, filters=(4,), blocks=1)
    assert not inner.trainable_weights
    assert len(models.unfreeze(inner, last=1)) == len(inner.trainable_weights) == 1


def test_a_network_frozen_by_keras_own_flag_is_freed_too():
    backbone, _ = parts()
    backbone.trainable = False
    models.unfreeze(backbone, last=1)
    assert len(backbone.trainable_weights) == 1


def test_what_is_frozen_is_saved(tmp_path):
    backbone, network = parts()
    models.freeze(backbone)
    models.unfreeze(backbone, last=1)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert trained(loaded) == trained(network)


def test_arguments_are_checked():
    backbone, _ = parts()
    for last in (0, 5, 1.5, True):
        with pytest.raises(ValueError, match=r"from 1 to 4.*Received: last="):
            models.unfreeze(backbone, last=last)
    for fraction in (0, 1.1):
        with pytest.raises(ValueError, match=r"at most 1. Received: fraction="):
            models.unfreeze(backbone, fraction=fraction)
    with pytest.raises(ValueError, match=r"not both. Received: last=1, fraction=0.5"):
        models.unfreeze(backbone, last=1, fraction=0.5)
    for function in (models.freeze, models.unfreeze):
        with pytest.raises(TypeError, match=r"must be a Keras model. Received: model="):
            function(losses.ContrastiveLoss())
