import os
import pickle

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.tfds_builders.sources.datasets import (
    FEATURES,
    SIZES,
    DummyPairs,
    Supervised,
    build,
    in_file_order,
)
from tfds_builders.sources import TfdsSource, as_source

LABEL = "group/kind"


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def file_format(request):
    return request.param


@pytest.fixture(scope="module")
def builder(file_format, tmp_path_factory):
    return build(tmp_path_factory.mktemp("data"), "png", file_format, shards=3)


@pytest.mark.parametrize("kind", FEATURES)
def test_every_encoding_gives_the_images_that_tfds_gives(kind, file_format, tmp_path):
    builder = build(tmp_path, kind, file_format)
    source = TfdsSource(builder, "train", image_key="picture", label_key=LABEL)
    expected = in_file_order(builder, "train")
    order = np.random.default_rng(0).permutation(SIZES["train"])
    for image, place in zip(source.fetch(order), order, strict=True):
        np.testing.assert_array_equal(image, expected[place]["picture"])
    assert source.labels.tolist() == [one["group"]["kind"] for one in expected]
    assert source.class_names == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    "split", ["train", "test", "train[10%:20%]+test", "train[-7:]", "train[5:30]+test[3:4]"]
)
def test_parts_of_splits_are_those_of_tfds(split, builder):
    source = TfdsSource(builder, split, label_key=LABEL)
    expected = in_file_order(builder, split)
    assert len(source) == len(expected)
    for image, one in zip(source.fetch(np.arange(len(source))), expected, strict=True):
        np.testing.assert_array_equal(image, one["picture"])


def test_builder_name_and_folder_are_one_dataset(builder):
    sources = [
        TfdsSource(builder, label_key=LABEL),
        TfdsSource(builder.data_path, label_key=LABEL),
        as_source(str(builder.data_path), label_key=LABEL),
    ]
    assert len({source.fingerprint for source in sources}) == 1
    assert sources[0].fingerprint != TfdsSource(builder, "test", label_key=LABEL).fingerprint
    assert sources[0].fingerprint != TfdsSource(builder, label_key="number").fingerprint


def test_words_are_classes_too(builder):
    source = TfdsSource(builder, label_key="word")
    words = [one["word"].decode() for one in in_file_order(builder, "train")]
    assert [source.class_names[label] for label in source.labels] == words


def test_unlabelled_examples_are_refused_unless_left_out(builder):
    with pytest.raises(ValueError, match=r"needs a label.*Received: \d+ of 61 examples"):
        TfdsSource(builder, label_key="maybe")
    source = TfdsSource(builder, label_key="maybe", classes=[0, 1])
    numbers = [one["number"] for one in in_file_order(builder, "train") if one["maybe"] >= 0]
    assert source.labels.tolist() == [number % 3 - 1 for number in numbers]


def test_classes_may_be_named(builder):
    source = TfdsSource(builder, label_key=LABEL, classes=["b", "d"])
    assert np.unique(source.labels).tolist() == [1, 3]
    with pytest.raises(ValueError, match=r"no such class among 'a', .* classes with 'x'"):
        TfdsSource(builder, label_key=LABEL, classes=["x"])


def test_a_copy_for_another_process_reads_the_same(builder):
    source = TfdsSource(builder, label_key=LABEL)
    source.fetch([0])
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy.fetch([7, 3]), source.fetch([7, 3]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "valid"}, r"made of \['t\w+', 't\w+'\].*Received: split='valid'"),
        ({"split": "train[:0]"}, r"split is empty|correspond"),
        ({"label_key": "klass"}, r"one of \['group/kind', .*'word'\].*label_key='klass'"),
        ({"label_key": "picture"}, r"single integers or strings"),
        ({"image_key": "number"}, r"Images must be an Image feature.*image_key='number'"),
        ({"on_error": "ignore"}, r"Received: on_error='ignore'"),
    ],
)
def test_bad_arguments_are_told(arguments, message, builder):
    with pytest.raises(ValueError, match=message):
        TfdsSource(builder, **{"label_key": LABEL, **arguments})


def test_unknown_and_unprepared_datasets_are_told(tmp_path):
    with pytest.raises(ValueError, match=r"no TFDS dataset of this name.*'fashion_mnits'"):
        TfdsSource("fashion_mnits", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"not prepared.*fashion_pairs/sample"):
        TfdsSource("fashion_pairs/sample", data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"Expected the name of a TFDS dataset"):
        TfdsSource(7)


def test_the_keys_are_found_from_the_supervised_ones(tmp_path):
    supervised = Supervised(data_dir=str(tmp_path), config="png")
    supervised.download_and_prepare()
    source = TfdsSource(supervised, "test")
    assert (source.image_key, source.label_key) == ("picture", "number")
    assert sorted(source.labels) == list(range(SIZES["test"]))
    pairs = DummyPairs(data_dir=str(tmp_path))
    pairs.download_and_prepare()
    with pytest.raises(ValueError, match=r"`image_key` must be given.*image_a"):
        TfdsSource(pairs)
    assert len(TfdsSource(pairs, image_key="image_b", label_key="label_b")) == 20


@pytest.mark.parametrize("name", ["fashion_balanced/sample", "fashion_pairs/sample"])
def test_images_stored_once_are_refused_with_what_to_use_instead(name, tmp_path):
    tfds.builder(name, data_dir=tmp_path).download_and_prepare()
    message = rf"stored once beside them.*fashion_mnist_sample.*Received: {name}"
    with pytest.raises(ValueError, match=message):
        TfdsSource(name, "test", data_dir=tmp_path, image_key="image_a", label_key="label_a")


def shards(builder):
    return sorted(builder.data_path.glob("*train*-of-*"))


def test_the_index_is_made_once_and_again_when_the_file_changes(tmp_path, monkeypatch):
    builder = build(tmp_path, "bytes")
    first = TfdsSource(builder, label_key=LABEL, image_key="picture")
    assert len(list(builder.data_path.glob(".*.index.npz"))) == 1
    made = []
    index = type(first.files[0]).index
    monkeypatch.setattr(
        type(first.files[0]), "index", lambda self, *keys: made.append(1) or index(self, *keys)
    )
    second = TfdsSource(builder, label_key=LABEL, image_key="picture")
    np.testing.assert_array_equal(first.fetch([3]), second.fetch([3]))
    assert not made
    os.utime(shards(builder)[0], ns=(1, 1))
    TfdsSource(builder, label_key=LABEL, image_key="picture")
    assert len(made) == 1
    next(builder.data_path.glob(".*.index.npz")).write_bytes(b"PK half a file")
    TfdsSource(builder, label_key=LABEL, image_key="picture")
    assert len(made) == 2


def test_a_folder_that_cannot_be_written_to_is_no_obstacle(tmp_path, monkeypatch):
    builder = build(tmp_path / "data", "bytes")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    import tempfile

    make = tempfile.mkstemp

    def refuse(prefix, dir):
        if str(dir).startswith(str(tmp_path / "data")):
            raise PermissionError("read-only")
        return make(prefix=prefix, dir=dir)

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    TfdsSource(builder, label_key=LABEL, image_key="picture")
    assert not list(builder.data_path.glob(".*.index.npz"))
    assert len(list((tmp_path / "cache").rglob("*.index.npz"))) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    with pytest.warns(UserWarning, match=r"could not be kept.*cache_dir="):
        source = TfdsSource(builder, label_key=LABEL, image_key="picture")
    assert len(source) == 61


def test_truncated_and_damaged_files_are_named(tmp_path):
    builder = build(tmp_path, "bytes")
    file = shards(builder)[0]
    whole = file.read_bytes()
    damage = int(TfdsSource(builder, label_key=LABEL, image_key="picture")._starts[0])

    def open_it():
        return TfdsSource(builder, label_key=LABEL, image_key="picture")

    for length in (len(whole) - 1, len(whole) - 100, len(whole) // 2):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=rf"truncated: .*the file at {length}.*{file.name}"):
            open_it()
    file.write_bytes(whole[:3] + b"\x01" + whole[4:])
    with pytest.raises(ValueError, match=rf"length of record 0 does not agree.*{file.name}"):
        open_it()
    file.write_bytes(whole[:damage] + bytes([whole[damage] ^ 1]) + whole[damage + 1 :])
    with pytest.raises(ValueError, match=rf"content of record 0 does not agree.*{file.name}"):
        open_it().verify()
    file.write_bytes(whole)
    open_it().verify()
    second = 16 + int.from_bytes(whole[:8], "little")
    file.write_bytes(whole[second:])
    with pytest.raises(ValueError, match=rf"must hold 61 records. .*{file.name} with 60"):
        open_it()
    file.unlink()
    with pytest.raises(ValueError, match=rf"file of the dataset is missing.*{file.name}"):
        open_it()


def test_a_damaged_array_record_file_is_named(tmp_path):
    builder = build(tmp_path, "bytes", "array_record")
    file = shards(builder)[0]
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(ValueError, match=rf"could not be.*{file.name}"):
        TfdsSource(builder, label_key=LABEL, image_key="picture")


def test_a_damaged_image_is_an_error_or_replaced_by_another_of_its_class(tmp_path):
    builder = build(tmp_path, "png")
    sound = TfdsSource(builder, label_key=LABEL)
    images = sound.fetch(np.arange(61))
    place = 5
    file = shards(builder)[0]
    content = bytearray(file.read_bytes())
    start, length = int(sound._starts[place]), int(sound._lengths[place])
    content[start : start + length] = bytes(length)
    file.write_bytes(content)
    source = TfdsSource(builder, label_key=LABEL)
    with pytest.raises(ValueError, match=rf"could not be read.*{file.name}, record 5"):
        source.fetch([1, 5])
    lenient = TfdsSource(builder, label_key=LABEL, on_error="skip")
    alike = np.flatnonzero(sound.labels == sound.labels[place])
    substitute = alike[(np.flatnonzero(alike == place)[0] + 1) % len(alike)]
    with pytest.warns(UserWarning, match=r"record 5. It is replaced"):
        np.testing.assert_array_equal(lenient.fetch([5])[0], images[substitute])
    assert (lenient.damaged, lenient.num_damaged) == ({5}, 1)
    rest = lenient.without_damaged()
    assert len(rest) == 60
    np.testing.assert_array_equal(rest.fetch(np.arange(60)), np.delete(images, 5, axis=0))
