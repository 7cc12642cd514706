"""The published counts of the standard splits."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_metric.retrieval import splits
from tfds_builders import sources
from tfds_builders.sources import ArraySource


@pytest.mark.parametrize("dataset", list(splits.PUBLISHED))
def test_the_published_counts_pass_and_others_do_not(dataset):
    for part, (images, classes) in splits.PUBLISHED[dataset].items():
        labels = np.arange(images) % classes
        splits.check_published(dataset, part, labels)
        for wrong in (labels[1:], np.minimum(labels, classes - 2)):
            with pytest.raises(ValueError, match=f"{images} images of {classes} classes"):
                splits.check_published(dataset, part, wrong)


def test_the_parts_are_the_whole_datasets():
    # 11,788 birds and 16,185 cars; 120,053 products; 52,712 pieces of clothing.
    totals = {"cub_200_2011": 11788, "cars196": 16185, "stanford_online_products": 120053,
              "in_shop": 52712}  # fmt: skip
    for dataset, parts in splits.PUBLISHED.items():
        assert sum(images for images, _ in parts.values()) == totals[dataset]


def test_unknown_names_are_named():
    with pytest.raises(ValueError, match="`dataset` must be one of"):
        splits.check_published("birds", "test", [0])
    with pytest.raises(ValueError, match="`part` must be one of train, query, gallery"):
        splits.check_published("in_shop", "test", [0])


def test_parts_of_arrays():
    images = np.arange(60, dtype=np.uint8).reshape(30, 1, 2) * np.ones((1, 2, 1), np.uint8)
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(5), 6))
    train, test = splits.zero_shot_sources((images, labels), train_share=0.4)
    assert set(train.labels) == {0, 1}
    assert set(test.labels) == {2, 3, 4}
    np.testing.assert_array_equal(
        train.fetch([0])[0, ..., 0], images[np.flatnonzero(labels < 2)[0]]
    )
    assert len(train) + len(test) == 30


class Tiny(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Twelve images of four classes in two splits."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"image": tfds.features.Image(shape=(2, 2, 1)), "label": np.int64}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features), supervised_keys=("image", "label")
        )

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(first) for name, first in (("train", 0), ("test", 6))}

    def _generate_examples(self, first):
        for number in range(first, first + 6):
            yield number, {"image": np.full((2, 2, 1), number, np.uint8), "label": number % 4}


def test_all_splits_of_a_tfds_dataset_are_put_together(tmp_path):
    builder = Tiny(data_dir=tmp_path)
    builder.download_and_prepare()
    train, test = splits.zero_shot_sources(builder)
    assert sorted(train.labels) == [0] * 3 + [1] * 3
    assert sorted(test.labels) == [2] * 3 + [3] * 3
    train, _ = splits.zero_shot_sources(builder, split="train")
    assert sorted(train.labels) == [0, 0, 1, 1]
    seen = test.fetch(np.arange(6))[:, 0, 0, 0]
    assert sorted(seen) == [2, 3, 6, 7, 10, 11]


def published(name, split):
    """As many images of each class as the literature has, of one pixel each."""
    counts = splits.PUBLISHED[splits._OF_TFDS[name]]
    names = ["train", "test"] if split == "train+test" else [split]
    labels, first = [], 0
    for part in ("train", "test"):
        images, classes = counts[part]
        if part in names:
            labels.append(first + np.arange(images) % classes)
        first += classes
    labels = np.concatenate(labels)
    return ArraySource(np.zeros((len(labels), 1, 1), np.uint8), labels)


@pytest.mark.parametrize("name", splits._OF_TFDS)
def test_the_standard_parts_have_the_published_counts(name, monkeypatch):
    asked = []

    def opened(data, **options):
        asked.append((data, options["label_key"], options["data_dir"]))
        return published(data, options["split"])

    monkeypatch.setattr(sources, "as_source", opened)
    train, test = splits.zero_shot_sources(name, data_dir="somewhere")
    counts = splits.PUBLISHED[splits._OF_TFDS[name]]
    assert (len(train), len(set(train.labels))) == counts["train"]
    assert (len(test), len(set(test.labels))) == counts["test"]
    assert not set(train.labels) & set(test.labels)
    key = {"caltech_birds2011": "label", "stanford_online_products": "class_id"}.get(name)
    assert set(asked) == {(name, key, "somewhere")}
    monkeypatch.setattr(
        sources, "as_source", lambda *args, **options: opened(*args, **options).select(classes=[0])
    )
    with pytest.raises(ValueError, match="train part has"):
        splits.zero_shot_sources(name, data_dir="somewhere")
