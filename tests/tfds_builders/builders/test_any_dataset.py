import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_builders


class Shapes(tfds.core.GeneratorBasedBuilder):
    """Images of various sizes, four classes."""

    VERSION = tfds.core.Version("1.0.0")
    CLASSES, EACH = 4, 6
    KEYS = ("image", "label")
    SUPERVISED = True

    def _info(self):
        image, label = self.KEYS
        features = {
            image: tfds.features.Image(shape=(None, None, 3)),
            label: tfds.features.ClassLabel(num_classes=self.CLASSES),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=self.KEYS if self.SUPERVISED else None,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0), "test": self._generate_examples(1)}

    def _generate_examples(self, seed):
        rng = np.random.default_rng(seed)
        image, label = self.KEYS
        for number in range(self.CLASSES * self.EACH):
            size = (5 + number % 3, 7, 3)
            yield (
                number,
                {image: rng.integers(0, 256, size, np.uint8), label: number % self.CLASSES},
            )


class ManyClasses(Shapes):
    """Many classes of two images, and keys that no one can guess."""

    CLASSES, EACH, SUPERVISED = 40, 2, False
    KEYS = ("picture", "character")


class Gray(tfds.core.GeneratorBasedBuilder):
    """Grey images of one size, of named classes, in three splits; nested beside other features."""

    VERSION = tfds.core.Version("1.0.0")
    SIZES = {"train": 12, "validation": 8, "test": 10}  # noqa: RUF012

    def _info(self):
        features = {
            "id": tfds.features.Text(),
            "digit": tfds.features.Image(shape=(6, 5, 1)),
            "kind": tfds.features.ClassLabel(names=["even", "odd"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(size) for name, size in self.SIZES.items()}

    def _generate_examples(self, size):
        for number in range(size):
            image = np.full((6, 5, 1), number, np.uint8)
            yield number, {"id": str(number), "digit": image, "kind": number % 2}


class GrayTriplets(tfds_builders.TripletsBuilder):
    """Triplets of images that are stored once."""

    SOURCE = "gray"
    IMAGE_KEY, LABEL_KEY = "digit", "kind"
    IMAGES_ONCE = True


class ShapesPairs(tfds_builders.PairsBuilder):
    """Pairs."""

    SOURCE = "shapes"


class ShapesTriplets(tfds_builders.TripletsBuilder):
    """Triplets."""

    SOURCE = "shapes"


class ManyClassesBalanced(tfds_builders.BalancedBuilder):
    """Batches."""

    SOURCE = "many_classes"
    IMAGE_KEY, LABEL_KEY = "picture", "character"
    EXAMPLES_PER_CLASS = 2


class ManyClassesPairs(tfds_builders.PairsBuilder):
    """Keys are not named."""

    SOURCE = "many_classes"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("data"))


def rows(name, data_dir, split="train", **kwargs):
    builder = tfds.builder(name, data_dir=data_dir, **kwargs)
    builder.download_and_prepare()
    return list(builder.as_dataset(split=split).as_numpy_iterator())


def by_position(data_dir, split="train"):
    source = tfds_builders.sources.TfdsSource("shapes", split, data_dir=data_dir)
    return source.fetch(np.arange(len(source))), source.labels


def test_pairs_of_images_of_various_sizes_are_those_of_the_source(data_dir):
    pairs = rows("shapes_pairs", data_dir)
    images, labels = by_position(data_dir)
    assert sorted(pair["id_a"] for pair in pairs) == list(range(24))
    for pair in pairs:
        for side in ("a", "b"):
            np.testing.assert_array_equal(pair[f"image_{side}"], images[pair[f"id_{side}"]])
            assert pair[f"label_{side}"] == labels[pair[f"id_{side}"]]
        assert pair["same"] == (pair["label_a"] == pair["label_b"])
        assert pair["id_a"] != pair["id_b"]


def test_resize_gives_images_of_one_size(data_dir):
    config = tfds_builders.TripletsConfig(resize=(6, 8), num_triplets=50)
    triplets = rows("shapes_triplets", data_dir, config=config)
    assert len(triplets) == 50
    assert {triplet[role].shape for triplet in triplets for role in ("anchor", "negative")} == {
        (6, 8, 3)
    }
    for triplet in triplets:
        assert triplet["label_anchor"] == triplet["label_positive"] != triplet["label_negative"]


def test_many_classes_of_two_images_make_balanced_batches(data_dir):
    builder = tfds.builder("many_classes_balanced", data_dir=data_dir)
    builder.download_and_prepare()
    labels = builder.as_dataset(split="test").map(lambda row: row["label"])
    for batch in labels.batch(16 * 2).as_numpy_iterator():
        _, counts = np.unique(batch, return_counts=True)
        assert counts.tolist() == [2] * 16
    with pytest.raises(ValueError, match=r"shuffle the batches.*Received: shuffle_files=True"):
        builder.as_dataset(split="test", shuffle_files=True)


def test_every_split_of_the_source_becomes_one_with_its_own_images(data_dir):
    builder = tfds.builder("gray_triplets", data_dir=data_dir)
    builder.download_and_prepare()
    assert {name: one.num_examples for name, one in builder.info.splits.items()} == Gray.SIZES
    assert builder.info.features["label_anchor"].names == ["even", "odd"]
    for split, size in Gray.SIZES.items():
        source = tfds_builders.sources.TfdsSource(
            "gray", split, image_key="digit", label_key="kind", data_dir=data_dir
        )
        images = source.fetch(np.arange(size))
        for row in builder.as_dataset(split=split).as_numpy_iterator():
            for role in ("anchor", "positive", "negative"):
                np.testing.assert_array_equal(row[role], images[row[f"id_{role}"]])
                # Each image says which number it is, and so its class.
                assert row[f"label_{role}"] == row[role][0, 0, 0] % 2


def test_zero_shot_trains_and_tests_on_different_classes(data_dir):
    train, test = (
        rows("shapes_pairs", data_dir, split, config="zero_shot") for split in ("train", "test")
    )
    assert {row["label_a"] for row in train} == {0, 1}
    assert {row["label_a"] for row in test} == {2, 3}


def test_keys_that_cannot_be_told_are_an_error(data_dir):
    with pytest.raises(ValueError, match=r"set IMAGE_KEY and LABEL_KEY"):
        tfds.builder("many_classes_pairs", data_dir=data_dir)


def test_every_field_goes_into_the_name():
    config = tfds_builders.PairsConfig(
        num_pairs=9, positive_fraction=0.25, classes="seen", resize=(4, 5), seed=2, sample=True
    )
    assert config.name == "sample-seen-resize_4x5-seed_2-num_pairs_9-positive_fraction_0.25"
    assert tfds_builders.BalancedConfig().name == "full"
    with pytest.raises(ValueError, match=r"`classes` must be one of .*Received: classes='new'"):
        tfds_builders.PairsConfig(classes="new")
    with pytest.raises(ValueError, match=r"at least 1\. Received: num_triplets=0"):
        tfds_builders.TripletsConfig(num_triplets=0)
