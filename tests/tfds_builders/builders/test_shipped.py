"""The datasets that ship with the package, from copies that are made up."""

import csv
import pathlib

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_builders
from tests.tfds_builders.builders import copies
from tfds_builders.builders import _prepare
from tfds_builders.sources import TableSource

SOURCES = (
    "caltech_birds2011",
    "cars196",
    "cifar10",
    "cifar100",
    "omniglot",
    "stanford_online_products",
)
KINDS = ("pairs", "triplets", "balanced")
LABELS = {"pairs": "label_a", "triplets": "label_anchor", "balanced": "label"}
PACKAGE = pathlib.Path(tfds_builders.__file__).parent


def build(name, folder, config="full", **options):
    """The prepared builder; copies lie in `folder/manual/<source>`."""
    builder = tfds.builder(name, data_dir=folder / "data", config=config, **options)
    own = tfds.download.DownloadConfig(manual_dir=folder / "manual")
    builder.download_and_prepare(download_config=own)
    return builder


def labels(builder, split, key="label_a"):
    rows = builder.as_dataset(split=split).map(lambda row: row[key])
    return set(rows.as_numpy_iterator())


def test_all_are_known_by_name_and_say_what_they_are():
    known = set(tfds.list_builders())
    assert {f"{source}_{kind}" for source in SOURCES for kind in KINDS} <= known


@pytest.mark.parametrize("source", SOURCES)
def test_each_has_its_files_and_the_labels_of_the_source(source, tmp_path):
    for kind in KINDS:
        builder = tfds.builder(f"{source}_{kind}", data_dir=tmp_path)
        info, own = builder.info, tfds.builder(source, data_dir=tmp_path).info
        assert info.description.startswith("Pairs, triplets and class-balanced batches of ")
        assert info.citation.startswith("@")
        assert "content.data-type.image" in builder.get_metadata().tags
        key = "class_id" if source == "stanford_online_products" else "label"
        label = builder.info.features[LABELS[kind]]
        assert label.num_classes == own.features[key].num_classes
    # The sums are those of the archives that TFDS downloads.
    urls = tfds.builder(source, data_dir=tmp_path).url_infos
    with open(PACKAGE / source / "checksums.tsv", newline="") as file:
        for url, size, checksum, _ in csv.reader(file, delimiter="\t"):
            assert (urls[url].size, urls[url].checksum) == (int(size), checksum)


def test_birds_are_divided_by_class_as_in_the_literature(tmp_path):
    copies.birds(tmp_path / "manual" / "caltech_birds2011" / "CUB_200_2011")
    zero_shot = build("caltech_birds2011_pairs", tmp_path, "zero_shot")
    assert labels(zero_shot, "train") == set(range(100))
    assert labels(zero_shot, "test") == set(range(100, 200))
    config = tfds_builders.BalancedConfig(examples_per_class=1, resize=(4, 4))
    full = build("caltech_birds2011_balanced", tmp_path, config=config)
    assert labels(full, "train", "label") == labels(full, "test", "label") == set(range(200))


@pytest.mark.parametrize("splits", [("train", "test"), ("",)])
def test_cars_are_read_from_folders_with_and_without_splits(splits, tmp_path):
    copies.by_class(tmp_path / "manual" / "cars196", splits, classes=196, each=2)
    zero_shot = build("cars196_triplets", tmp_path, "zero_shot")
    assert labels(zero_shot, "train", "label_anchor") == set(range(98))
    assert labels(zero_shot, "test", "label_anchor") == set(range(98, 196))
    if splits == ("",):
        with pytest.raises(ValueError, match=r"folders train/ and test/ .* classes only"):
            tfds_builders.builders._local_copy.LocalCopy(
                tmp_path / "manual" / "cars196", None, 3
            ).sources(["test"])


@pytest.mark.parametrize(
    ("source", "write"),
    [("stanford_online_products", copies.products), ("omniglot", copies.characters)],
)
def test_splits_without_common_classes_are_seen_and_unseen(source, write, tmp_path):
    write(tmp_path / "manual" / source)
    for config, splits in (
        ("full", {"train": {0, 1, 2}, "test": {3, 4}}),
        ("zero_shot", {"train": {0, 1, 2}, "test": {3, 4}}),
        ("seen", {"train": {0, 1, 2}}),
        ("unseen", {"test": {3, 4}}),
    ):
        builder = build(f"{source}_pairs", tmp_path, config)
        assert {split: labels(builder, split) for split in builder.info.splits} == splits


def test_a_local_copy_gives_its_own_pixels(tmp_path):
    folder = copies.by_class(tmp_path / "manual" / "cifar10", size=(32, 32))
    builder = build("cifar10_pairs", tmp_path)
    files = sorted((folder / "test").rglob("*.png"))
    images = TableSource(files, [0] * len(files)).fetch(np.arange(len(files)))
    for row in builder.as_dataset(split="test").as_numpy_iterator():
        np.testing.assert_array_equal(row["image_a"], images[row["id_a"]])
        assert row["label_b"] == row["id_b"] // 4


def test_the_folder_of_all_datasets_is_not_taken_for_a_copy(tmp_path, monkeypatch):
    # TFDS's own manual directory, in which other datasets' files lie.
    copies.by_class(tmp_path / "data" / "downloads" / "manual" / "another_dataset")
    monkeypatch.setattr(_prepare, "can_reach", lambda host: False)
    builder = tfds.builder("cars196_pairs", data_dir=tmp_path / "data")
    with pytest.raises(FileNotFoundError, match=r"none of ai\.stanford\.edu.*folder cars196/"):
        builder.download_and_prepare()
    assert not builder.data_path.exists()


def test_a_dead_address_says_where_a_copy_goes(tmp_path, monkeypatch):
    from tensorflow_datasets.core.download.util import DownloadError

    def fail(self, **kwargs):
        raise DownloadError("Failed to get url. HTTP code: 404.")

    monkeypatch.setattr(_prepare, "can_reach", lambda host: True)
    monkeypatch.setattr(tfds.builder_cls("cars196"), "download_and_prepare", fail)
    builder = tfds.builder("cars196_balanced", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"HTTP code: 404.*Received: cars196/"):
        builder.download_and_prepare()


def test_an_error_of_the_source_itself_is_not_hidden(tmp_path, monkeypatch):
    def fail(self, **kwargs):
        raise KeyError("a bug")

    monkeypatch.setattr(_prepare, "can_reach", lambda host: True)
    monkeypatch.setattr(tfds.builder_cls("cars196"), "download_and_prepare", fail)
    with pytest.raises(KeyError, match="a bug"):
        tfds.builder("cars196_pairs", data_dir=tmp_path).download_and_prepare()
