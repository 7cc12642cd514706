"""Backbones by name, the small ones, and how images are prepared for them."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import models
from keras_metric.models import _applications, _hub
from keras_metric.models._image_preparation import ImagePreparation
from tests.backends import to_numpy

ROOT = Path(__file__).parents[3]
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, size=(2, 28, 28, 1)).astype("uint8")
COLOURED = RNG.integers(0, 256, size=(2, 32, 32, 3)).astype("uint8")
TINY = {"alpha": 0.25}  # of MobileNet: 0.2 million parameters


def mobile_net(shape=(28, 28, 1), resize=32, **arguments):
    return models.backbone("MobileNet", shape, resize=resize, **TINY, **arguments)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (models.small_cnn, (2, 3, 3, 64)),
        (models.small_resnet, (2, 7, 7, 64)),
        (models.small_vit, (2, 49, 64)),
    ],
)
def test_small_networks_embed_save_and_load(make, shape, tmp_path):
    network = make()
    assert tuple(network(GREY).shape) == shape
    assert network.output_shape == (None, *shape[1:])
    embedding = models.embedding_network(network, 8, pooling="gem")
    embedding.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    expected = to_numpy(embedding(GREY))
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(to_numpy(loaded(GREY)), expected, rtol=1e-4, atol=1e-5)


def test_parameters_by_hand():
    # Stem 3x3x1x4, two blocks of two 3x3 convolutions, a 1x1 shortcut where channels change.
    convolutions = [9 * 4, 9 * 16, 9 * 16, 9 * 4 * 8, 9 * 64, 4 * 8]
    normalized = [4, 4, 4, 8, 8, 8]  # 4 numbers a channel
    network = models.small_resnet(filters=(4, 8), blocks=1)
    assert network.count_params() == sum(convolutions) + 4 * sum(normalized)
    patches, dim = 16, 8
    block = 2 * 2 * dim + 4 * (dim * dim + dim) + (dim + 1) * 2 * dim + (2 * dim + 1) * dim
    expected = (4 * 4 * 3 + 1) * dim + patches * dim + 3 * block + 2 * dim
    network = models.small_vit((16, 16, 3), 4, dim, depth=3, heads=2)
    assert network.count_params() == expected


def test_a_residual_block_with_silent_convolutions_passes_on_what_it_is_given():
    network = models.small_resnet((8, 8, 2), filters=(2,), blocks=1)
    kernels = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    through = np.zeros((3, 3, 2, 2), "float32")
    through[1, 1] = np.eye(2)
    kernels[0].set_weights([through])
    kernels[2].set_weights([np.zeros((3, 3, 2, 2))])
    images = COLOURED[:, :8, :8, :2]
    epsilon = 1e-3
    expected = images / 255 / np.sqrt(1 + epsilon)
    np.testing.assert_allclose(to_numpy(network(images)), expected, rtol=1e-4, atol=1e-6)


def test_patches_keep_their_places():
    keras.utils.set_random_seed(0)
    network = models.small_vit(depth=1)
    swapped = GREY.copy()
    swapped[:, :4, :4], swapped[:, :4, 4:8] = GREY[:, :4, 4:8], GREY[:, :4, :4]
    one, other = (to_numpy(ops.mean(network(x), axis=1)) for x in (GREY, swapped))
    assert np.abs(one - other).max() > 1e-4


def test_small_networks_check_their_arguments():
    with pytest.raises(ValueError, match=r"3 stages need images of at least 4 x 4.*\(3, 28, 1\)"):
        models.small_resnet((3, 28, 1))
    with pytest.raises(ValueError, match=r"at least one stage.*filters=\(\), blocks=2"):
        models.small_resnet(filters=())
    with pytest.raises(ValueError, match=r"whole patches.*\(30, 28, 1\), patch_size=4"):
        models.small_vit((30, 28, 1))
    with pytest.raises(ValueError, match=r"multiple of `heads`.*dim=10, heads=4"):
        models.small_vit(dim=10)
    with pytest.raises(ValueError, match=r"positive integer. Received: depth=0"):
        models.small_vit(depth=0)
    with pytest.raises(ValueError, match=r"below 1. Received: dropout=1"):
        models.small_vit(dropout=1)
    for shape in ((28, 28), (28, 28, None), (28, 2.5, 1), 28):
        with pytest.raises(ValueError, match=r"must be \(height, width, channels\). Received"):
            models.small_resnet(shape)


@pytest.mark.parametrize("name", _applications.names())
def test_colours_are_those_of_the_networks_own_preprocessing(name):
    module = sys.modules[getattr(keras.applications, name).__module__]
    expected = module.preprocess_input(COLOURED.astype("float32"), data_format="channels_last")
    prepare = ImagePreparation(**_applications.colours(name))
    np.testing.assert_allclose(to_numpy(prepare(COLOURED)), expected, rtol=1e-4, atol=1e-3)


def test_images_are_enlarged_and_shrunk_by_straight_lines():
    small = np.array([0.0, 4.0], "float32").reshape(1, 1, 2, 1)
    found = to_numpy(ImagePreparation((1, 4))(small))[0, 0, :, 0]
    np.testing.assert_allclose(found, [0, 1, 3, 4], atol=1e-5)
    large = np.array([0.0, 0.0, 4.0, 4.0], "float32").reshape(1, 1, 4, 1)
    # A triangle two pixels wide on each side: 0.75, 0.75, 0.25 of the nearest three.
    found = to_numpy(ImagePreparation((1, 2))(large))[0, 0, :, 0]
    np.testing.assert_allclose(found, [4 * 0.25 / 1.75, 4 * 1.5 / 1.75], rtol=1e-5)


def test_preparation_keeps_32_bits_and_its_configuration():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = ImagePreparation((4, 6), True, [2, 1, 0], [1, 2, 3], [0.5, 0, 0], name="own")
    finally:
        keras.config.set_dtype_policy("float32")
    copy = ImagePreparation.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    found = copy(np.full((1, 4, 6, 1), 255, "uint8"))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert to_numpy(found)[0, 0, 0].tolist() == [255.5, 510, 765]
    assert copy.compute_output_shape((None, 4, 6, 1)) == (None, 4, 6, 3)


def test_a_ready_network_takes_small_grey_images_as_they_are(tmp_path):
    network = mobile_net()
    inner = network.layers[-1]
    images = np.repeat(np.asarray(ops.image.resize(GREY.astype("float32"), (32, 32))), 3, axis=-1)
    expected = to_numpy(inner(keras.applications.mobilenet.preprocess_input(images)))
    found = to_numpy(network(GREY))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(to_numpy(loaded(GREY)), found, rtol=1e-4, atol=1e-5)


def test_a_siamese_network_stands_on_a_ready_network():
    network = models.SiameseNetwork(models.embedding_network(mobile_net(), 4, pooling="avg"))
    network.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    network.fit((GREY, GREY), np.array([0.0, 1.0]), verbose=0)


def test_names_are_found_however_they_are_written():
    assert mobile_net().name.startswith("mobilenet")
    assert models.backbone("small-cnn", (28, 28, 1)).output_shape == (None, 3, 3, 64)
    assert models.backbone("Small_ViT", (30, 30, 1), resize=28, depth=1).output_shape[1] == 49


def test_weights_are_loaded_from_a_file(tmp_path):
    network = mobile_net()
    network.layers[-1].save_weights(tmp_path / "mobile.weights.h5")
    loaded = mobile_net(weights=tmp_path / "mobile.weights.h5")
    np.testing.assert_allclose(to_numpy(loaded(GREY)), to_numpy(network(GREY)), rtol=1e-4)
    with pytest.raises(ValueError, match=r"do not fit small_cnn.*Received: weights='.*mobile"):
        models.backbone("small_cnn", (28, 28, 1), tmp_path / "mobile.weights.h5")
    with pytest.raises(FileNotFoundError, match=r"'imagenet'.*weights='image_net', and there is"):
        mobile_net(weights="image_net")
    with pytest.raises(ValueError, match=r"No weights are published for small_cnn"):
        models.backbone("small_cnn", (28, 28, 1), "imagenet")


def test_without_network_and_cache_the_error_says_how_to_get_the_weights(monkeypatch, tmp_path):
    def no_network(*arguments, **more):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    start = time.perf_counter()
    with pytest.raises(FileNotFoundError) as caught:
        models.backbone("VGG16", (32, 32, 3), "imagenet")
    assert time.perf_counter() - start < 20
    message = str(caught.value)
    for part in ("vgg16_weights", "notop.h5", "weights='path/to/", "weights=None", "Received: "):
        assert part in message
    assert socket.getdefaulttimeout() is None


@pytest.mark.slow
def test_published_weights_come_from_keras_cache(tmp_path):
    inner = mobile_net((128, 128, 3), resize=None).layers[-1]
    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "mobilenet_2_5_128_tf_no_top.h5"
    # The published files are of Keras's old format, weights by the order of layers.
    inner.save(tmp_path / "models" / "legacy.h5")
    (tmp_path / "models" / "legacy.h5").rename(file)
    script = """
import sys, numpy as np
from keras_metric.models import backbone
network = backbone("MobileNet", (128, 128, 3), "imagenet", alpha=0.25)
np.save(sys.argv[1] + "/weights.npy", network.get_weights()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "KERAS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    np.testing.assert_array_equal(np.load(tmp_path / "weights.npy"), inner.get_weights()[0])


def test_what_cannot_be_a_backbone_is_refused_at_once(monkeypatch):
    with pytest.raises(ValueError, match=r"Did you mean 'ResNet50'.*Received: name='ResNet5'"):
        models.backbone("ResNet5")
    with pytest.raises(TypeError, match=r"must be a string. Received: name=50"):
        models.backbone(50)
    with pytest.raises(ValueError, match=r"at least 32x32.*resize=64.*images of 28 x 28"):
        models.backbone("MobileNet", (28, 28, 1), **TINY)
    with pytest.raises(ValueError, match=r"1 or 3 channels. Received: input_shape=\(32, 32, 4\)"):
        models.backbone("MobileNet", (32, 32, 4))
    for resize in (0, 2.5, (32,), (32, -1), True):
        with pytest.raises(ValueError, match=r"height and width. Received: resize="):
            mobile_net(resize=resize)
    monkeypatch.setattr(_hub, "is_installed", lambda: False)
    with pytest.raises(ValueError, match="Unknown backbone") as caught:
        models.backbone("resnet_18_imagenet")
    assert "keras-metric[hub]" in caught.value.__notes__[0]
    with pytest.raises(ImportError, match=r"pip install 'keras-metric\[hub\]'"):
        models.backbone("hf://someone/something")
