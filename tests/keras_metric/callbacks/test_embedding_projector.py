"""The projector's files, as TensorBoard reads them."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_metric.callbacks import EmbeddingProjector

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def fit(callback, epochs=2):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], epochs=epochs, verbose=0, callbacks=[callback])
    return model


def test_tables_labels_thumbnails_and_what_names_them(tmp_path):
    images = np.zeros((5, 4, 8, 1), "uint8")
    images[3] = 200
    callback = EmbeddingProjector(
        tmp_path, X, [0, 1, 0, 1, 1], images, ["a\tb", "dog"], thumbnail_size=16
    )
    model = fit(callback)
    tables = [np.loadtxt(tmp_path / f"embeddings_000{i}.tsv", delimiter="\t") for i in (1, 2)]
    np.testing.assert_allclose(tables[1], model.predict(X, verbose=0), rtol=1e-4)
    assert not np.allclose(*tables)
    assert (tmp_path / "labels.tsv").read_text().split("\n") == [
        "a b", "dog", "a b", "dog", "dog", ""
    ]  # fmt: skip
    sheet = np.asarray(Image.open(tmp_path / "thumbnails.png"))
    assert sheet.shape == (3 * 8, 3 * 16)  # a grid of 3 x 3 places, each 8 high and 16 wide
    assert (sheet[8:16, 0:16] == 200).all()  # image 3 is the first of the second row
    assert sheet[:8].sum() == 0

    entry = """embeddings {{
  tensor_name: "epoch {0}"
  tensor_path: "embeddings_000{0}.tsv"
  metadata_path: "labels.tsv"
  sprite {{
    image_path: "thumbnails.png"
    single_image_dim: 16
    single_image_dim: 8
  }}
}}
"""
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert config == entry.format(1) + entry.format(2)
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_tensorboard_reads_the_configuration(tmp_path):
    module = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    from google.protobuf import text_format

    fit(EmbeddingProjector(tmp_path, X, images=np.zeros((5, 4, 8))), epochs=1)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    (entry,) = text_format.Parse(text, module.ProjectorConfig()).embeddings
    assert entry.tensor_path == "embeddings_0001.tsv"
    assert list(entry.sprite.single_image_dim) == [32, 16]


def test_every_other_epoch_without_labels_or_images(tmp_path):
    fit(EmbeddingProjector(tmp_path, X, every=2), epochs=3)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["embeddings_0002.tsv", "embeddings_0003.tsv", "projector_config.pbtxt"]


def test_wrong_images_are_named(tmp_path):
    with pytest.raises(ValueError, match="`images` must be 5, one a row"):
        fit(EmbeddingProjector(tmp_path, X, images=np.zeros((2, 4, 4))))
    with pytest.raises(ValueError, match="`images` must be of shape"):
        fit(EmbeddingProjector(tmp_path, X, images=np.zeros((5, 4))))
