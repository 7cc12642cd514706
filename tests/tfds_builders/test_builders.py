import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_builders
from tfds_builders import sources

SPLITS = {"train": 1000, "test": 500}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("data"))


def read(name, split, data_dir):
    dataset = tfds.load(name, split=split, data_dir=data_dir)
    return next(dataset.batch(len(dataset)).as_numpy_iterator())


@pytest.mark.parametrize("split", SPLITS)
def test_pairs_are_what_their_labels_say(split, data_dir):
    images, labels = sources.fashion_mnist_sample(split)
    rows = read("fashion_pairs/sample", split, data_dir)
    assert sorted(rows["id_a"]) == list(range(SPLITS[split]))
    for side in ("a", "b"):
        np.testing.assert_array_equal(rows[f"image_{side}"], images[rows[f"id_{side}"]])
        np.testing.assert_array_equal(rows[f"label_{side}"], labels[rows[f"id_{side}"]])
    np.testing.assert_array_equal(rows["same"], rows["label_a"] == rows["label_b"])
    assert rows["same"].mean() == 0.5


@pytest.mark.parametrize("split", SPLITS)
def test_triplets_are_what_their_labels_say(split, data_dir):
    images, labels = sources.fashion_mnist_sample(split)
    rows = read("fashion_triplets/sample", split, data_dir)
    assert sorted(rows["id_anchor"]) == list(range(SPLITS[split]))
    for role in ("anchor", "positive", "negative"):
        np.testing.assert_array_equal(rows[role], images[rows[f"id_{role}"]])
        np.testing.assert_array_equal(rows[f"label_{role}"], labels[rows[f"id_{role}"]])
    assert (rows["label_anchor"] == rows["label_positive"]).all()
    assert (rows["label_anchor"] != rows["label_negative"]).all()
    assert (rows["id_anchor"] != rows["id_positive"]).all()


@pytest.mark.parametrize("split", SPLITS)
def test_every_balanced_batch_holds_ten_classes_of_thirteen(split, data_dir):
    images, _ = sources.fashion_mnist_sample(split)
    dataset = tfds.load("fashion_balanced/sample", split=split, data_dir=data_dir)
    seen = []
    for batch in dataset.batch(130).as_numpy_iterator():
        assert np.bincount(batch["label"]).tolist() == [13] * 10
        np.testing.assert_array_equal(batch["image"], images[batch["id"]])
        seen.append(batch["id"])
    assert len(np.unique(np.concatenate(seen))) == SPLITS[split]


def test_as_supervised_gives_what_fit_takes(data_dir):
    def structure(name):
        dataset = tfds.load(name, split="test", data_dir=data_dir, as_supervised=True)
        return [
            [tuple(spec.shape) for spec in part] if isinstance(part, tuple) else tuple(part.shape)
            for part in dataset.element_spec
        ]

    image = (28, 28, 1)
    assert structure("fashion_pairs/sample") == [[image, image], ()]
    assert structure("fashion_triplets/sample") == [[image, image, image], ()]
    assert structure("fashion_balanced/sample") == [image, ()]


def test_unknown_configs_and_splits_are_errors(data_dir):
    with pytest.raises(ValueError, match=r"BuilderConfig.*not found|not found.*BuilderConfig"):
        tfds.load("fashion_pairs/smaple", data_dir=data_dir)
    with pytest.raises(ValueError, match=r"Unknown split"):
        tfds.load("fashion_pairs/sample", split="valid", data_dir=data_dir)


def test_a_corrupt_file_leaves_nothing_behind(tmp_path):
    manual = tmp_path / "manual"
    manual.mkdir()
    for names in sources._fashion_mnist._FILES.values():
        for name in names:
            (manual / name).write_bytes(b"\0\0\x08\x01\0\0\0\x09")
    builder = tfds.builder("fashion_pairs", data_dir=str(tmp_path / "data"))
    config = tfds.download.DownloadConfig(manual_dir=str(manual))
    with pytest.raises(ValueError, match=r"truncated or too long.*Received: .*manual"):
        builder.download_and_prepare(download_config=config)
    assert not builder.data_path.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("full_data")
def test_the_full_data_is_built_where_it_is_at_hand(tmp_path):
    for name, per_image in (("pairs", 1), ("triplets", 1), ("balanced", None)):
        datasets = tfds.load(f"fashion_{name}", data_dir=str(tmp_path), split=["train", "test"])
        sizes = [len(dataset) for dataset in datasets]
        assert sizes == ([60_000, 10_000] if per_image else [462 * 130, 77 * 130])


def test_the_builders_are_known_by_name():
    assert {"fashion_pairs", "fashion_triplets", "fashion_balanced"} <= set(tfds.list_builders())
    assert tfds_builders.__doc__
