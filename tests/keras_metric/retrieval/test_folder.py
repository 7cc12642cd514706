"""The folder format: whole or not at all, and nothing believed unchecked."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from keras_metric import retrieval
from keras_metric.retrieval._folder import read_folder, write_folder

ARRAYS = {"one": np.arange(6).reshape(2, 3), "two": np.ones(3, "float32")}


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path / "index", "kind", ARRAYS, {"a": [1, None, "x"]})
    return tmp_path / "index"


def data_file(folder, name="one"):
    return next(folder.glob(f"{name}-*.npy"))


def test_round_trip(folder):
    arrays, config = read_folder(folder, "kind")
    assert config == {"a": [1, None, "x"]}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_a_second_save_replaces_the_first(folder):
    write_folder(folder, "kind", {"one": np.zeros(2)}, {})
    assert list(read_folder(folder, "kind")[0]) == ["one"]
    assert len(list(folder.iterdir())) == 2


def test_missing_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no such folder"):
        read_folder(tmp_path / "nowhere", "kind")
    with pytest.raises(FileNotFoundError, match="holds no index"):
        read_folder(tmp_path, "kind")


def test_a_truncated_file_is_refused(folder):
    file = data_file(folder)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="truncated or altered"):
        read_folder(folder, "kind")


def test_an_altered_file_is_refused(folder):
    content = bytearray(data_file(folder).read_bytes())
    content[-1] ^= 1
    data_file(folder).write_bytes(content)
    with pytest.raises(ValueError, match="truncated or altered"):
        read_folder(folder, "kind")


def test_a_missing_file_is_refused(folder):
    data_file(folder).unlink()
    with pytest.raises(ValueError, match="is missing"):
        read_folder(folder, "kind")


def change(folder, **entries):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | entries))


def test_foreign_manifests_are_refused(folder):
    with pytest.raises(ValueError, match="Expected format 'other' in version 1"):
        read_folder(folder, "other")
    change(folder, config={"a": 2})
    with pytest.raises(ValueError, match="was altered"):
        read_folder(folder, "kind")
    change(folder, version=2)
    with pytest.raises(ValueError, match="in version 2"):
        read_folder(folder, "kind")
    for text in ("", "[]", "{}", "null", '{"format": 1', "\x00"):
        (folder / "manifest.json").write_text(text)
        with pytest.raises(ValueError, match="is not one of an index"):
            read_folder(folder, "kind")


def sign(folder, manifest):
    from keras_metric.retrieval import _folder

    manifest.pop("sha256", None)
    text = json.dumps(manifest | {"sha256": _folder._digest(manifest)})
    (folder / "manifest.json").write_text(text)


def test_a_signed_manifest_cannot_reach_outside(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["one"]["file"] = "../secret.npy"
    sign(folder, manifest)
    with pytest.raises(ValueError, match="has a plain name"):
        read_folder(folder, "kind")


def test_a_signed_pickle_is_not_run(folder, tmp_path):
    from keras_metric.retrieval import _folder

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "owned"),))

    file = data_file(folder)
    np.save(file, np.array([Evil()], object), allow_pickle=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["one"] |= _folder._fingerprint(file)
    sign(folder, manifest)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_folder(folder, "kind")
    file.write_bytes(pickle.dumps(Evil()))
    manifest["files"]["one"] |= _folder._fingerprint(file)
    sign(folder, manifest)
    with pytest.raises(ValueError, match="pickle"):
        read_folder(folder, "kind")
    assert not (tmp_path / "owned").exists()


def test_objects_are_not_written(folder):
    before = sorted(folder.iterdir())
    with pytest.raises(ValueError, match="Only plain arrays"):
        write_folder(folder, "kind", {"one": np.array([None])}, {})
    assert sorted(folder.iterdir()) == before


def test_a_failed_save_leaves_what_was_there(folder, monkeypatch):
    before = sorted(folder.iterdir())

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match="No space left"):
        write_folder(folder, "kind", {"one": np.zeros(9)}, {})
    assert sorted(folder.iterdir()) == before
    np.testing.assert_array_equal(read_folder(folder, "kind")[0]["one"], ARRAYS["one"])


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_folder(tmp_path / "file", "kind", ARRAYS, {})


WRITER = """
import sys, numpy as np
from keras_metric.retrieval._folder import write_folder
number = 0
while True:
    number += 1
    arrays = {name: np.full(20000, number) for name in ("one", "two", "three")}
    write_folder(sys.argv[1], "kind", arrays, {"number": number})
    print(number, flush=True)
"""


def assert_whole(folder):
    arrays, config = read_folder(folder, "kind")
    for array in arrays.values():
        assert (array == config["number"]).all()
    return config["number"]


@pytest.mark.slow
def test_killed_at_any_moment_the_last_save_is_whole(tmp_path):
    folder, rng = tmp_path / "index", np.random.default_rng(0)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "1\n"
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        said = [int(line) for line in process.stdout.read().split()]
        process.wait()
        process.stdout.close()
        assert assert_whole(folder) >= max(said, default=1)


INDEX_WRITERS = {
    "Indexer": """
import sys
import numpy as np
from keras_metric.retrieval import Indexer

index, number = Indexer(4), 0
while True:
    number += 1
    index.batch_add(np.full((500, 4), float(number)), [number] * 500)
    index.save(sys.argv[1])
    print(number, flush=True)
""",
    "SimilaritySearch": """
import sys
import keras
import numpy as np
from keras_metric.retrieval import SimilaritySearch

model = keras.Sequential([keras.Input((4,)), keras.layers.UnitNormalization()])
search, number = SimilaritySearch(model), 0
while True:
    number += 1
    search.index(np.full((500, 4), float(number), "float32"), [number] * 500, verbose=0)
    search.save(sys.argv[1])
    print(number, flush=True)
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", INDEX_WRITERS)
def test_an_index_killed_while_it_is_saved_is_the_one_before_or_after(tmp_path, name):
    folder, rng = tmp_path / "index", np.random.default_rng(0)
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", INDEX_WRITERS[name], str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "1\n"
        time.sleep(rng.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        said = [1, *(int(line) for line in process.stdout.read().split())]
        process.wait()
        process.stdout.close()
        loaded = getattr(retrieval, name).load(folder)
        index = loaded if name == "Indexer" else loaded.indexer
        labels = index.search(np.eye(4, dtype="float32")[:1], k=index.size())[2][0]
        values, counts = np.unique(labels.astype(int), return_counts=True)
        assert values.tolist() == list(range(1, len(values) + 1))
        assert len(values) >= max(said)
        assert set(counts.tolist()) == {500}


def test_readers_during_saves_see_one_save_or_the_other(tmp_path):
    folder, stop = tmp_path / "index", threading.Event()

    def save():
        number = 0
        while not stop.is_set():
            number += 1
            arrays = {name: np.full(2000, number) for name in ("one", "two")}
            write_folder(folder, "kind", arrays, {"number": number})

    writer = threading.Thread(target=save)
    writer.start()
    try:
        while not (folder / "manifest.json").exists():
            time.sleep(0.01)
        seen = [assert_whole(folder)]
        deadline = time.monotonic() + 30.0  # a save may take as long as all the reads
        while len(seen) < 60 or (seen[-1] == seen[0] and time.monotonic() < deadline):
            seen.append(assert_whole(folder))
    finally:
        stop.set()
        writer.join()
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_what_killed_saves_left_is_swept_after_an_hour(folder):
    old, new = folder / f"one-{'0' * 16}.npy", folder / f"one-{'1' * 16}.npy"
    for file, age in ((old, 7200), (new, 0)):
        file.write_bytes(b"")
        os.utime(file, (time.time() - age,) * 2)
    (folder / "notes.txt").write_text("mine")
    write_folder(folder, "kind", ARRAYS, {})
    assert not old.exists()
    assert new.exists()
    assert (folder / "notes.txt").exists()
