"""Presets of keras-hub, from a folder, where it is installed."""

import numpy as np
import pytest

from keras_metric import models
from tests.backends import to_numpy

keras_hub = pytest.importorskip("keras_hub")

IMAGES = np.random.default_rng(0).integers(0, 256, size=(2, 28, 28, 1)).astype("uint8")


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preset")
    inner = keras_hub.models.ResNetBackbone(
        [64], [3], [64, 64], [1, 1], [1, 2], "basic_block", image_shape=(None, None, 3)
    )
    inner.save_to_preset(str(folder))
    converter = keras_hub.layers.ImageConverter(
        image_size=(32, 32), scale=[0.1, 0.2, 0.3], offset=[1.0, 2.0, 3.0]
    )
    converter.save_to_preset(str(folder))
    return str(folder), inner


def test_a_folder_is_a_backbone_with_its_weights_and_colours(preset):
    folder, inner = preset
    network = models.backbone(folder, (28, 28, 1), "pretrained")
    images = np.repeat(IMAGES, 3, axis=-1) * np.array([0.1, 0.2, 0.3]) + np.array([1, 2, 3])
    expected = to_numpy(inner(images.astype("float32")))
    np.testing.assert_allclose(to_numpy(network(IMAGES)), expected, rtol=1e-3, atol=1e-3)
    assert models.embedding_network(network, 4, pooling="avg").output_shape == (None, 4)


def test_random_weights_are_others(preset):
    folder, inner = preset
    network = models.backbone(folder, (28, 28, 1))
    assert np.abs(network.get_weights()[0] - inner.get_weights()[0]).max() > 0


def test_unknown_names_give_the_nearest_preset():
    with pytest.raises(ValueError, match=r"Did you mean 'resnet_18_imagenet'"):
        models.backbone("resnet_18_imagnet")


def test_presets_of_texts_are_refused(tmp_path):
    inner = keras_hub.models.BertBackbone(100, 1, 1, 8, 8, max_sequence_length=8)
    inner.save_to_preset(str(tmp_path))
    with pytest.raises(ValueError, match=r"must be one of images"):
        models.backbone(str(tmp_path), (28, 28, 1))
