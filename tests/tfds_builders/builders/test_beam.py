"""The same records by Apache Beam as in one process; needs the extra `cli`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_builders
from tests.tfds_builders.builders import copies

pytest.importorskip("apache_beam")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
KINDS = ("pairs", "triplets", "balanced")
FORMATS = ("tfrecord", "array_record")


def config(beam, manual=None):
    options = None
    if beam:
        from apache_beam.options.pipeline_options import PipelineOptions

        options = PipelineOptions(["--runner=DirectRunner", "--direct_num_workers=1"])
    return tfds.download.DownloadConfig(beam_options=options, manual_dir=manual)


def build(name, folder, beam, manual=None, **options):
    builder = tfds.builder(name, data_dir=folder, **options)
    builder.download_and_prepare(download_config=config(beam, manual))
    return builder


def rows(builder, split):
    """All records in the order in which they are stored."""
    if builder.info.file_format.value == "array_record":
        return list(builder.as_data_source(split=split))
    one_by_one = tfds.ReadConfig(interleave_cycle_length=1)
    return list(builder.as_dataset(split=split, read_config=one_by_one).as_numpy_iterator())


def assert_equal(here, there, split):
    first, second = rows(here, split), rows(there, split)
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert set(one) == set(other)
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


@pytest.mark.parametrize("kind", KINDS)
def test_images_stored_once(kind, tmp_path):
    name = f"fashion_{kind}/sample"
    here = build(name, tmp_path / "here", False)
    there = build(name, tmp_path / "beam", True)
    for split in ("train", "test"):
        assert_equal(here, there, split)
    assert here.info.splits["test"].shard_lengths == there.info.splits["test"].shard_lengths


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_images_in_the_records(kind, file_format, tmp_path):
    copies.by_class(tmp_path / "manual" / "cars196", classes=5, each=7)
    here, there = (
        build(
            f"cars196_{kind}",
            tmp_path / str(beam),
            beam,
            str(tmp_path / "manual"),
            file_format=file_format,
        )
        for beam in (False, True)
    )
    assert_equal(here, there, "train")


def test_a_config_of_ones_own(tmp_path):
    own = tfds_builders.PairsConfig(num_pairs=333, positive_fraction=0.25, seed=7, sample=True)
    here, there = (
        build("fashion_pairs", tmp_path / str(beam), beam, config=own) for beam in (False, True)
    )
    assert_equal(here, there, "train")
    assert there.info.splits["train"].num_examples == 333


@pytest.mark.parametrize("module", ["tfds_builders", "tensorflow_datasets.scripts.cli.main"])
def test_the_option_of_the_command_line(module, tmp_path):
    if module != "tfds_builders":  # what the command `tfds` runs
        pytest.importorskip("mlcroissant")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            module,
            "build",
            "fashion_triplets/sample",
            "--imports=tfds_builders",
            f"--data_dir={tmp_path}",
            "--beam_pipeline_options=runner=DirectRunner",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    there = tfds.builder("fashion_triplets/sample", data_dir=tmp_path)
    assert there.is_prepared()
    assert_equal(build("fashion_triplets/sample", tmp_path / "here", False), there, "test")
