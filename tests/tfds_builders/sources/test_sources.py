import csv
import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tfds_builders.sources import (
    ArraySource,
    DamagedImageError,
    FolderSource,
    TableSource,
    as_source,
    fashion_mnist_sample,
)
from tfds_builders.sources import _decode as decoding

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 7, 6, 3), np.uint8)
LABELS = np.arange(20) % 4


@pytest.fixture
def folder(tmp_path):
    """Images by class, sorted as `IMAGES` by (class, number)."""
    for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        place = tmp_path / "images" / f"class {label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:02}.png")
    (tmp_path / "images" / "class 0" / "notes.txt").write_text("not an image")
    (tmp_path / "images" / "empty").mkdir()
    return tmp_path / "images"


def test_arrays_give_what_they_hold():
    source = ArraySource(IMAGES, LABELS)
    np.testing.assert_array_equal(source.fetch([3, 3, 0]), IMAGES[[3, 3, 0]])
    assert (len(source), source.image_shape) == (20, (7, 6, 3))
    assert source.fetch([]).shape == (0, 7, 6, 3)
    assert ArraySource(IMAGES[..., 0], LABELS).image_shape == (7, 6, 1)


def test_a_mapped_file_is_read_from_its_place(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    for part in (slice(None), slice(4, 12)):
        source = ArraySource(mapped[part], LABELS[part])
        assert source.is_mapped
        copy = pickle.loads(pickle.dumps(source))
        for one in (source, copy):
            np.testing.assert_array_equal(one.fetch([5, 0]), IMAGES[part][[5, 0]])
    assert len(pickle.dumps(ArraySource(mapped, LABELS))) < 2000
    every_other = ArraySource(mapped[::2], LABELS[::2])
    np.testing.assert_array_equal(every_other.fetch([5, 0]), IMAGES[::2][[5, 0]])
    raw = np.memmap(tmp_path / "raw", np.uint8, "w+", offset=100, shape=(20, 7, 6, 3))
    raw[:] = IMAGES
    np.testing.assert_array_equal(ArraySource(raw, LABELS).fetch([19, 1]), IMAGES[[19, 1]])


def test_pages_are_given_back_and_read_again(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    source = ArraySource(np.load(tmp_path / "images.npy", mmap_mode="r"), LABELS)
    source._file.budget = 1
    for _ in range(3):
        np.testing.assert_array_equal(source.fetch(np.arange(20)), IMAGES)


def test_fingerprints_tell_data_apart():
    first = ArraySource(IMAGES, LABELS).fingerprint
    changed = IMAGES.copy()
    changed[0, 0, 0, 0] ^= 1
    assert first == ArraySource(IMAGES.copy(), LABELS.copy()).fingerprint
    assert first != ArraySource(changed, LABELS).fingerprint
    assert first != ArraySource(IMAGES, LABELS[::-1]).fingerprint
    assert first != ArraySource(IMAGES, LABELS).select(classes=[0, 1]).fingerprint


def test_a_selection_is_a_source():
    source = ArraySource(IMAGES, LABELS, ["a", "b", "c", "d"])
    part = source.select(classes=["d", 1]).select(np.arange(10) > 4)
    places = np.flatnonzero(np.isin(LABELS, [1, 3]))[5:]
    assert part.labels.tolist() == LABELS[places].tolist()
    np.testing.assert_array_equal(part.fetch([2, 0]), IMAGES[places[[2, 0]]])
    for bad, message in (
        ({"mask": [True]}, r"must be of shape \(20,\)"),
        ({"mask": [20]}, r"positions from 0 to 19"),
        ({"classes": [4]}, r"must have an example. Received: classes with 4"),
        ({"classes": []}, r"at least one class"),
        ({}, r"either `mask` or `classes`"),
    ):
        with pytest.raises(ValueError, match=message):
            source.select(**bad)


@pytest.mark.parametrize(
    "labels", [[0, None, 1], [0, -1, 1], ["a", None, "b"], [0.0, float("nan"), 1], ["a", "", "b"]]
)
def test_examples_without_a_label_are_refused(labels):
    with pytest.raises(ValueError, match=r"needs a label.*1 of 3 examples.*first at 1"):
        ArraySource(IMAGES[:3], labels)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES, LABELS[:3], r"20 images and 3 labels"),
        (IMAGES[:0], [], r"not none"),
        (IMAGES[0, 0], [0] * 6, r"`images` must be numbers of shape"),
        (IMAGES, LABELS[:, None], r"shape \(20, 1\)"),
        (IMAGES, LABELS + 0.5, r"fractional"),
        (IMAGES[:2], np.array([1, "a"], object), r"Received: both"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        ArraySource(images, labels)


def test_positions_outside_are_refused():
    source = ArraySource(IMAGES, LABELS)
    with pytest.raises(IndexError, match=r"from 0 to 19. Received: indices from 3 to 20"):
        source.fetch([3, 20])
    with pytest.raises(IndexError, match=r"from -1"):
        source.fetch([-1])
    with pytest.raises(ValueError, match=r"must be integers"):
        source.fetch([0.5])
    with pytest.raises(ValueError, match=r"Received: resize=5"):
        source.fetch([0], resize=5)


def test_folders_of_classes_are_read(folder):
    source = as_source(folder)
    assert source.class_names == ("class 0", "class 1", "class 2", "class 3")
    order = np.argsort(LABELS, kind="stable")
    assert source.labels.tolist() == LABELS[order].tolist()
    np.testing.assert_array_equal(source.fetch(np.arange(20)), IMAGES[order])
    assert as_source(str(folder), classes=["class 2"]).labels.tolist() == [2] * 5
    assert source.fingerprint == as_source(folder).fingerprint
    (folder / "class 1" / "01.png").unlink()
    assert source.fingerprint != as_source(folder).fingerprint


def test_tables_of_paths_and_labels_are_read(folder):
    paths = [f"class {label}/{number:02}.png" for number, label in enumerate(LABELS)]
    words = [f"kind {label}" for label in LABELS]
    table = pd.DataFrame({"path": paths, "label": LABELS, "kind": words})
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["path", "kind", "label"], *zip(paths, words, LABELS, strict=True)]
        )
    for source in (
        TableSource(paths, LABELS, folder=folder),
        as_source(table, folder=folder),
        as_source(table, labels="kind", folder=folder),
        as_source(folder / "table.csv"),
        as_source(str(folder / "table.csv"), labels="kind"),
    ):
        np.testing.assert_array_equal(source.fetch([7, 2]), IMAGES[[7, 2]])
        assert source.labels.tolist() == LABELS.tolist()
    with pytest.raises(ValueError, match=r"'class' among the columns \['path', 'kind', 'label'\]"):
        as_source(folder / "table.csv", labels="class")
    with pytest.raises(ValueError, match=r"does not exist. Received: .*none.png"):
        TableSource(["none.png"], [0], folder=folder)
    with pytest.raises(ValueError, match=r"no such CSV"):
        as_source("none.csv")


def test_sizes_may_differ_until_they_are_brought_together(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(3):
        Image.new("RGB", (5 + number, 8), (10, 20, 30)).save(tmp_path / "a" / f"{number}.png")
    source = FolderSource(tmp_path)
    assert [image.shape for image in source.fetch([2, 0])] == [(8, 7, 3), (8, 5, 3)]
    batch = source.fetch([2, 0], resize=(4, 6))
    np.testing.assert_array_equal(batch, np.broadcast_to([10, 20, 30], (2, 4, 6, 3)))


@pytest.mark.parametrize("library", ["opencv", "pillow"])
@pytest.mark.parametrize("suffix", ["png", "jpeg"])
def test_truncated_and_damaged_images_are_named(library, suffix, tmp_path, monkeypatch, capfd):
    if library == "pillow":
        monkeypatch.setattr(decoding, "opencv", lambda: None)
    (tmp_path / "a").mkdir()
    for number in range(3):
        Image.fromarray(IMAGES[number]).resize((90, 80)).save(tmp_path / f"a/{number}.{suffix}")
    broken = tmp_path / f"a/1.{suffix}"
    whole = broken.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"x" * 300, whole[:10]):
        broken.write_bytes(content)
        with pytest.raises(DamagedImageError, match=rf"could not be read.*1.{suffix}"):
            FolderSource(tmp_path).fetch([0, 1])
    source = FolderSource(tmp_path, on_error="skip")
    with pytest.warns(UserWarning, match=rf"1.{suffix}"):
        both = source.fetch([1, 2])
    np.testing.assert_array_equal(both[0], both[1])
    assert source.damaged == {1}
    for number in (0, 2):
        (tmp_path / f"a/{number}.{suffix}").write_bytes(b"x")
    with pytest.raises(DamagedImageError, match=r"No image of class 0 could be read"):
        source.fetch([0])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_both_libraries_decode_alike(channels, monkeypatch):
    import io

    pixels = RNG.integers(0, 256, (9, 8, channels), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(buffer, "PNG")
    with_cv2 = decoding.decode(buffer.getvalue(), channels, None)
    monkeypatch.setattr(decoding, "opencv", lambda: None)
    with_pillow = decoding.decode(buffer.getvalue(), channels, None)
    np.testing.assert_array_equal(with_cv2, pixels)
    np.testing.assert_array_equal(with_pillow, pixels)


@pytest.mark.parametrize(("height", "width"), [(40, 60), (33, 50), (9, 14), (4, 90), (300, 10)])
def test_both_libraries_resize_alike(height, width, monkeypatch):
    # A slope: its mean over any area is its value in the middle, but for pixels of the border.
    slope = np.add.outer((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width) * 127
    image = np.stack([slope, slope / 2, 200 - slope], axis=-1).astype(np.uint8)
    rows, columns = (np.arange(8) + 0.5) / 8, (np.arange(12) + 0.5) / 12
    wanted = np.add.outer(rows, columns) * 127
    with_cv2 = decoding.resized(image, (8, 12))
    monkeypatch.setattr(decoding, "opencv", lambda: None)
    for found in (with_cv2, decoding.resized(image, (8, 12))):
        assert found.shape == (8, 12, 3)
        assert np.abs(found[..., 0] - wanted).max() <= 64 / min(height, 8) + 64 / min(width, 12)


def test_a_checkerboard_shrinks_to_grey():
    board = np.indices((200, 300)).sum(axis=0) % 2 * 255
    image = np.repeat(board[..., np.newaxis], 3, axis=-1).astype(np.uint8)
    assert np.ptp(decoding.resized(image, (100, 150))) <= 1
    assert np.ptp(decoding.resized(image, (50, 50))) <= 1


def test_anything_labelled_becomes_a_source_and_nothing_else(tmp_path):
    images, labels = fashion_mnist_sample("test")
    source = as_source((images, labels))
    assert as_source(source) is source
    assert as_source((images, labels), classes=[3]).labels.tolist() == [3] * 50
    with pytest.raises(TypeError, match=r"no further options. Received: \['split'\]"):
        as_source(source, split="train")
    with pytest.raises(ValueError, match=r"Expected the name of a TFDS dataset.*Received: 3"):
        as_source(3)
    with pytest.raises(ValueError, match=r"one sub-folder of images for each class"):
        as_source(tmp_path)
