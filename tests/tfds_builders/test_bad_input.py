"""What builders do with data, disks and processes that fail."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_builders
from tests.tfds_builders.builders import copies
from tfds_builders import streams
from tfds_builders.sources import ArraySource

ROOT = Path(__file__).parents[2]


class _Given:
    """Images without a TFDS dataset behind them; `LABELS` says how many."""

    LABELS = (0, 0, 1, 1)

    def _image_feature(self):
        return tfds.features.Image(shape=(3, 3, 1))

    def _label_feature(self):
        return tfds.features.ClassLabel(num_classes=2)

    def _open_sources(self, dl_manager, splits):
        images = np.arange(len(self.LABELS) * 9, dtype=np.uint8).reshape(-1, 3, 3, 1)
        return {name: ArraySource(images, self.LABELS) for name in splits or ["train"]}


class OneClassPairs(_Given, tfds_builders.PairsBuilder, skip_registration=True):
    LABELS = (1, 1, 1)


class OneClassTriplets(_Given, tfds_builders.TripletsBuilder, skip_registration=True):
    LABELS = (1, 1, 1)


class SmallBalanced(_Given, tfds_builders.BalancedBuilder, skip_registration=True):
    LABELS = (0, 0, 1)
    EXAMPLES_PER_CLASS = 2


class Unlabelled(tfds.core.GeneratorBasedBuilder):
    """Every third example has no label, as the test split of many a dataset."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"image": tfds.features.Image(shape=(3, 3, 1)), "label": np.int64}
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(9):
            yield number, {"image": np.zeros((3, 3, 1), np.uint8), "label": number % 3 - 1}


class UnlabelledPairs(tfds_builders.PairsBuilder):
    SOURCE = "unlabelled"


class MisspeltPairs(tfds_builders.PairsBuilder):
    SOURCE = "cifar01"


class NamelessPairs(tfds_builders.PairsBuilder):
    pass


class WrongKeyPairs(tfds_builders.PairsBuilder):
    SOURCE = "unlabelled"
    LABEL_KEY = "klass"


def prepare(builder, **options):
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(**options))
    return builder


@pytest.mark.parametrize("kind", [OneClassPairs, OneClassTriplets])
def test_one_class_has_no_negatives(kind, tmp_path):
    builder = kind(data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"In split 'train' of one_class_.*at least two classes"):
        prepare(builder)
    assert not builder.data_path.exists()


def test_classes_smaller_than_k_are_repeated_with_a_warning_or_refused(tmp_path):
    builder = SmallBalanced(data_dir=tmp_path)
    with pytest.warns(UserWarning, match=r"1 of 2 classes have fewer than .*repeated") as told:
        prepare(builder)
    assert len(told) == 1
    rows = list(builder.as_dataset(split="train").as_numpy_iterator())
    assert sorted(row["id"] for row in rows) == [0, 1, 2, 2]
    strict = tfds_builders.BalancedConfig(strict=True)
    with pytest.raises(ValueError, match=r"In split 'train' of small_balanced/strict_True.*fewer"):
        prepare(SmallBalanced(data_dir=tmp_path, config=strict))


def test_more_classes_a_batch_than_there_are_is_an_error(tmp_path):
    config = tfds_builders.BalancedConfig(classes_per_batch=3)
    with pytest.raises(ValueError, match=r"number of classes, 2. Received: classes_per_batch=3"):
        prepare(SmallBalanced(data_dir=tmp_path, config=config))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("misspelt_pairs", r"there is none of this name. Received: SOURCE='cifar01'"),
        ("nameless_pairs", r"must name a TFDS dataset. Received: SOURCE=''"),
        ("wrong_key_pairs", r"Expected Tensor in the feature 'klass'.*LABEL_KEY='klass'"),
    ],
)
def test_unknown_sources_and_keys_are_told(name, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        tfds.builder(name, data_dir=tmp_path)


def test_examples_without_a_label_are_told(tmp_path):
    with pytest.raises(ValueError, match=r"needs a label.*Received: 3 of 9 examples"):
        tfds.builder("unlabelled_pairs", data_dir=tmp_path).download_and_prepare()
    with pytest.raises(ValueError, match=r"needs a label.*Received: 1 of 3 examples"):
        streams.pairs((np.zeros((3, 2, 2)), [0, None, 1]))


def test_balanced_batches_cannot_be_shuffled_by_file(tmp_path):
    with pytest.raises(ValueError, match=r"batch it by P \* K and shuffle the batches"):
        tfds.load("fashion_balanced/sample", split="test", data_dir=tmp_path, shuffle_files=True)


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_a_damaged_file_is_named_or_left_out(content, tmp_path):
    folder = copies.by_class(tmp_path / "manual" / "cars196", classes=3)
    broken = folder / "train" / "001" / "2.png"
    broken.write_bytes(broken.read_bytes()[:60] if content is None else content)
    manual = str(tmp_path / "manual")
    builder = tfds.builder("cars196_pairs", data_dir=tmp_path / "data")
    with pytest.raises(ValueError, match=r"could not be read.*Received: .*train/001/2\.png"):
        prepare(builder, manual_dir=manual)
    assert not builder.data_path.exists()
    config = tfds_builders.PairsConfig(on_error="skip")
    builder = tfds.builder("cars196_pairs", data_dir=tmp_path / "data", config=config)
    with pytest.warns(UserWarning, match=r"1 of the 12 images of 'train' .*001/2\.png") as told:
        prepare(builder, manual_dir=manual)
    assert len(told) == 1
    ids = [row["id_a"] for row in builder.as_dataset(split="train").as_numpy_iterator()]
    assert sorted(ids) == [number for number in range(12) if number != 6]
    assert builder.info.splits["test"].num_examples == 12
    with pytest.raises(ValueError, match=r"'raise' or 'skip'. Received: on_error='ignore'"):
        tfds_builders.PairsConfig(on_error="ignore")


@contextlib.contextmanager
def mounted(folder, options):
    """A small file system of its own in memory, for root alone."""
    folder.mkdir(exist_ok=True)
    if os.name != "posix" or os.geteuid():
        pytest.skip("only root can mount a file system")
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system allows no mounts")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def loads(folder):
    """Whether the dataset in `folder` is there, and then whole."""
    builder = tfds.builder("fashion_pairs/sample", data_dir=folder)
    if not builder.is_prepared():
        return False
    for split, size in (("train", 1000), ("test", 500)):
        rows = builder.as_dataset(split=split).batch(1000)
        assert sum(len(row["image_a"]) for row in rows.as_numpy_iterator()) == size
    return True


@pytest.mark.parametrize("kilobytes", [40, 200, 700])
def test_a_full_disk_is_told_and_loses_nothing(kilobytes, tmp_path):
    with mounted(tmp_path / "disk", f"size={kilobytes}k") as disk:
        (disk / "precious").write_text("kept")
        builder = tfds.builder("fashion_pairs/sample", data_dir=disk)
        with pytest.raises(OSError, match=r"disk is full.*another `data_dir`.*fashion_pairs"):
            builder.download_and_prepare()
        assert (disk / "precious").read_text() == "kept"
        assert not builder.data_path.exists()
        assert not loads(disk)
        assert not list(disk.rglob("*.tfrecord*"))


def test_a_read_only_folder_is_told(tmp_path):
    with mounted(tmp_path / "disk", "size=1m,ro") as disk:
        builder = tfds.builder("fashion_pairs/sample", data_dir=disk)
        with pytest.raises(PermissionError, match=r"cannot be written.*another\s`data_dir`"):
            builder.download_and_prepare()


def test_what_is_prepared_can_be_read_where_nothing_can_be_written(tmp_path):
    with mounted(tmp_path / "disk", "size=20m") as disk:
        tfds.builder("fashion_pairs/sample", data_dir=disk).download_and_prepare()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert loads(disk)


PROGRAM = """
import sys
import tensorflow_datasets as tfds
import tfds_builders
import tensorflow  # so that the time of importing it does not count

builder = tfds.builder("fashion_pairs/sample", data_dir=sys.argv[1])
print("building", flush=True)
builder.download_and_prepare()
print("built", flush=True)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_build_that_is_killed_leaves_nothing_that_loads(tmp_path):
    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout.readline() == "building\n"
        return process, time.perf_counter()

    process, begun = start()
    assert "built\n" in process.stdout  # the lines, of which others are TFDS's
    whole = time.perf_counter() - begun
    process.wait()
    process.stdout.close()
    assert loads(tmp_path)
    outcomes = []
    for share in np.linspace(0.02, 1.02, 6):
        shutil.rmtree(tmp_path / "fashion_pairs", ignore_errors=True)
        process, begun = start()
        time.sleep(max(share * whole - (time.perf_counter() - begun), 0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        outcomes.append(loads(tmp_path))
    assert not all(outcomes)
    # What a killed build has left does not stand in the way of the next one.
    tfds.builder("fashion_pairs/sample", data_dir=tmp_path).download_and_prepare()
    assert loads(tmp_path)
