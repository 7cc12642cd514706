"""Disks that are full or may not be written: what was saved before stays."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from keras_metric.retrieval import Indexer


def filled(count):
    index = Indexer(64, "euclidean")
    index.batch_add(np.random.default_rng(0).normal(size=(count, 64)), np.arange(count))
    return index


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if shutil.which("mount") is None:
        pytest.skip("only Unix has a disk that can be mounted for a test")
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        pytest.skip(f"mounting a small disk takes root, as CI is: {run.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_the_index_before_stays(small_disk):
    filled(100).save(small_disk / "index")
    before = sorted(file.name for file in (small_disk / "index").iterdir())
    with pytest.raises(OSError, match="No space left"):
        filled(5000).save(small_disk / "index")
    assert sorted(file.name for file in (small_disk / "index").iterdir()) == before
    assert Indexer.load(small_disk / "index").size() == 100
    filled(120).save(small_disk / "index")
    assert Indexer.load(small_disk / "index").size() == 120


def test_a_read_only_disk_is_said(small_disk):
    filled(100).save(small_disk / "index")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OSError, match="Read-only file system"):
        filled(120).save(small_disk / "index")
    assert Indexer.load(small_disk / "index").size() == 100


def test_an_unwritable_folder_is_said(tmp_path):
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        pytest.skip("root may write everywhere; the read-only disk above stands in for it")
    (tmp_path / "index").mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="index"):
        filled(3).save(tmp_path / "index")
