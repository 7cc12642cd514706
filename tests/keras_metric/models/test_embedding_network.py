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


@pytest.mark.parametrize("pooling", ["average", "max"])
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
    with pytest.raises(ValueError, match=r"did you mean 'average'.*Received: pooling='averge'"):
        embedding_network(small_cnn(), pooling="averge")
    with pytest.raises(ValueError, match=r"fixed size"):
        embedding_network(small_cnn((None, None, 1)))
    with pytest.raises(ValueError, match=r"\(height, width, channels\).*\(28, 28\)"):
        small_cnn((28, 28))
    with pytest.raises(ValueError, match=r"at least 8 x 8"):
        small_cnn((4, 28, 1))
