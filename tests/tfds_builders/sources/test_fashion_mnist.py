import gzip
import hashlib

import numpy as np
import pytest

from tfds_builders import sources
from tfds_builders.sources import _fashion_mnist
from tfds_builders.sources._idx import parse_idx, read_bytes


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.asarray(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A small stand-in for the four files, some gzipped, with sums that fit."""
    sums = {}
    for split, count in (("train", 6), ("t10k", 4)):
        arrays = {
            "images-idx3-ubyte": np.arange(count * 784).reshape(count, 28, 28) % 251,
            "labels-idx1-ubyte": np.arange(count) % 2,
        }
        for kind, array in arrays.items():
            name, content = f"{split}-{kind}", idx(array)
            sums[name] = hashlib.sha256(content).hexdigest()
            if split == "train":
                (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(_fashion_mnist, "_SHA256", sums)
    monkeypatch.setattr(_fashion_mnist, "DEBIAN_FOLDER", str(tmp_path / "absent"))
    monkeypatch.delenv(sources.ENVIRONMENT_VARIABLE, raising=False)
    return tmp_path


def test_gzipped_and_plain_files_are_read(folder):
    files = sources.fashion_mnist_files(folder)
    images, labels = sources.read_fashion_mnist(files, "train")
    assert images.shape == (6, 28, 28, 1)
    assert images[1, 0, 0, 0] == 784 % 251
    assert labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert sources.read_fashion_mnist(files, "test")[0].shape == (4, 28, 28, 1)


def test_places_are_looked_at_in_order(folder, monkeypatch, tmp_path):
    assert sources.find_fashion_mnist() is None
    monkeypatch.setattr(_fashion_mnist, "DEBIAN_FOLDER", str(folder))
    assert sources.find_fashion_mnist() == folder
    named = tmp_path / "named"
    named.mkdir()
    for file in folder.glob("*ubyte*"):
        (named / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv(sources.ENVIRONMENT_VARIABLE, str(named))
    assert sources.find_fashion_mnist() == named
    assert sources.find_fashion_mnist(folder) == folder


def test_an_environment_variable_that_leads_nowhere_is_an_error(folder, monkeypatch):
    monkeypatch.setenv(sources.ENVIRONMENT_VARIABLE, str(folder / "wrong"))
    with pytest.raises(FileNotFoundError, match=r"FASHION_MNIST_DIR must name.*Received: .*wrong"):
        sources.find_fashion_mnist()


def test_without_a_network_the_error_names_all_four_ways(folder, monkeypatch):
    monkeypatch.setattr(_fashion_mnist, "can_reach", lambda host: False)
    with pytest.raises(FileNotFoundError) as caught:
        sources.fashion_mnist_files(folder / "none", download=lambda urls: urls)
    for way in ("manual directory", "FASHION_MNIST_DIR", "dataset-fashion-mnist", "download it"):
        assert way in str(caught.value)


def test_what_is_downloaded_is_checked_too(folder, monkeypatch):
    monkeypatch.setattr(_fashion_mnist, "can_reach", lambda host: True)
    asked = {}

    def download(urls):
        asked.update(urls)
        return {name: _fashion_mnist._in_folder(folder, name) for name in urls}

    files = sources.fashion_mnist_files(None, download)
    assert sources.read_fashion_mnist(files, "test")[1].tolist() == [0, 1, 0, 1]
    assert all(url.startswith("http") and url.endswith(".gz") for url in asked.values())


def test_no_network_is_found_out_quickly():
    assert not sources.can_reach("no-such-host.invalid")


def test_altered_and_truncated_files_are_refused(folder):
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(idx(np.array([1, 1, 1, 1])))
    with pytest.raises(ValueError, match=r"expected sha256 .* Received: .*t10k-labels"):
        sources.read_fashion_mnist(sources.fashion_mnist_files(folder), "test")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"expected 12 bytes. Received: .*of 11 bytes"):
        sources.read_fashion_mnist(sources.fashion_mnist_files(folder), "test")
    zipped = folder / "train-images-idx3-ubyte.gz"
    zipped.write_bytes(zipped.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"truncated or damaged"):
        read_bytes(zipped)


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\0\0\x0d\x01\0\0\0\0", b"PNG!"])
def test_other_formats_are_refused(content):
    with pytest.raises(ValueError, match=r"begins with 00 00 08. Received: x beginning with"):
        parse_idx(content, "x")


def test_the_sample_is_balanced_and_small():
    for split, each in (("train", 100), ("test", 50)):
        images, labels = sources.fashion_mnist_sample(split)
        assert images.shape == (10 * each, 28, 28, 1)
        assert np.bincount(labels).tolist() == [each] * 10
    size = sum(file.stat().st_size for file in sources._sample.FOLDER.iterdir())
    assert size < 1_000_000
    with pytest.raises(ValueError, match=r"Received: split='valid'"):
        sources.fashion_mnist_sample("valid")


@pytest.mark.slow
def test_the_sample_is_a_part_of_the_real_data(full_data):
    full, labels = sources.read_fashion_mnist(full_data, "train")
    images, of_sample = sources.fashion_mnist_sample("train")
    for label in range(10):
        np.testing.assert_array_equal(images[of_sample == label], full[labels == label][:100])
