import keras
import numpy as np
import pytest
from keras import ops

from keras_metric.models import embedding_network, small_cnn

IMAGES = np.random.default_rng(0).integers(0, 256, size=(3, 28, 28, 1), dtype="uint8")


def test_uint8_images_become_unit_vectors():
    model = embedding_network(small_cnn(), embedding_size=16)
    embeddings = ops.convert_to_numpy(model(IMAGES))
    assert embeddings.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)


def test_saved_and_loaded_it_embeds_the_same(tmp_path):
    model = embedding_network(small_cnn(), embedding_size=8)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    ours, theirs = (ops.convert_to_numpy(m(IMAGES)) for m in (model, loaded))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pooling", ["avg", "max", "gem"])
def test_images_of_any_size_can_be_pooled(pooling):
    model = embedding_network(small_cnn((None, None, 3)), 4, pooling=pooling)
    assert model(np.zeros((2, 40, 32, 3), "float32")).shape == (2, 4)


def test_sequences_and_vectors_are_embedded():
    for shape in ((7, 5), (5,)):
        backbone = keras.Sequential([keras.Input(shape), keras.layers.Dense(6)])
        assert embedding_network(backbone, 4, pooling="max").output_shape == (None, 4)


def test_arguments_are_checked():
    with pytest.raises(TypeError, match=r"must be a Keras model.*Received: backbone='resnet'"):
        embedding_network("resnet")
    with pytest.raises(ValueError, match=r"at least 1.*Received: embedding_size=0"):
        embedding_network(small_cnn(), 0)
    with pytest.raises(TypeError, match=r"integer.*Received: embedding_size=2.5"):
        embedding_network(small_cnn(), 2.5)
    with pytest.raises(ValueError, match=r"Did you mean 'avg'.*Received: pooling='avgr'"):
        embedding_network(small_cnn(), pooling="avgr")
    with pytest.raises(ValueError, match=r"fixed size"):
        embedding_network(small_cnn((None, None, 1)))
    with pytest.raises(ValueError, match=r"\(height, width, channels\).*\(28, 28\)"):
        small_cnn((28, 28))
    with pytest.raises(ValueError, match=r"at least 8 x 8"):
        small_cnn((4, 28, 1))


def test_augmentation_is_for_training_alone(tmp_path):
    steps = [
        keras.layers.RandomFlip("horizontal", seed=1),
        keras.layers.RandomTranslation(0.2, 0.2),
    ]
    plain = embedding_network(small_cnn(filters=(4, 8)), 8)
    model = embedding_network(small_cnn(filters=(4, 8)), 8, augment=steps)
    model.set_weights([*model.get_weights()[: -len(plain.get_weights())], *plain.get_weights()])
    expected = ops.convert_to_numpy(plain(IMAGES))
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), expected, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(IMAGES, verbose=0), expected, rtol=1e-4, atol=1e-5)
    once, again = (ops.convert_to_numpy(model(IMAGES, training=True)) for _ in range(2))
    assert not np.allclose(once, again, atol=1e-4)


def test_augmentation_is_checked():
    with pytest.raises(TypeError, match=r"Keras layer or model.*Received: augment="):
        embedding_network(small_cnn(), augment=lambda x: x)
    with pytest.raises(ValueError, match=r"keep the shape.*\(None, 20, 28, 1\) from it"):
        embedding_network(small_cnn(), augment=keras.layers.RandomCrop(20, 28))


def test_what_is_no_backbone_is_refused():
    with pytest.raises(ValueError, match=r"known input shape.*Received: backbone="):
        embedding_network(keras.Sequential([keras.layers.Dense(3)]))
    x = keras.Input((4,))
    with pytest.raises(ValueError, match=r"must have one output. Received: 2 outputs"):
        embedding_network(keras.Model(x, [x, x + 1]))
    video = keras.Input((2, 3, 4, 5))
    with pytest.raises(ValueError, match=r"rank 2, 3 or 4. Received: an output of shape"):
        embedding_network(keras.Model(video, video * 1.0))
