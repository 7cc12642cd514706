"""Folders of tensorflow-similarity, there and back, without a pickle being run."""

import json
import os

import numpy as np
import pytest
from tensorflow_similarity.indexer import Indexer as SimilarityIndexer

from keras_metric.retrieval import Indexer
from keras_metric.retrieval.interchange import export_index, import_index

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
Y = [3, 1, 2, 3, 1, 2]


def test_rows_come_over_and_pickled_data_stays(tmp_path):
    theirs = SimilarityIndexer(4, "cosine")
    theirs.batch_add(X, labels=Y, verbose=0)
    theirs.save(str(tmp_path))
    with pytest.warns(UserWarning, match="data are pickled and were not read"):
        ours = import_index(tmp_path)
    assert ours.metric == "cosine"
    np.testing.assert_array_equal(ours.kv_store.embeddings, X)
    assert ours.kv_store.labels.tolist() == Y
    assert ours.kv_store.data == [None] * 6


class Evil:
    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return (os.mkdir, (self.folder,))


@pytest.mark.parametrize("member", ["labels", "data", "embeddings"])
def test_a_pickle_in_the_folder_is_not_run(tmp_path, member):
    arrays = {"embeddings": X, "labels": np.array(Y), "data": np.zeros(6)}
    arrays[member] = np.array([Evil(tmp_path / "owned")] * 6, object)
    np.savez(tmp_path / "index.npz", **arrays)
    config = {"embedding_size": 4, "distance": "euclidean"}
    (tmp_path / "index_metadata.json").write_text(json.dumps(config))
    if member == "embeddings":
        with pytest.raises(ValueError, match="damaged"):
            import_index(tmp_path)
    else:
        with pytest.warns(UserWarning, match=f"{member} are pickled"):
            assert import_index(tmp_path).size() == 6
    assert not (tmp_path / "owned").exists()


def test_there_and_back(tmp_path):
    ours = Indexer(4, "euclidean")
    ours.batch_add(X, Y)
    export_index(ours, tmp_path / "theirs")
    theirs = SimilarityIndexer.load(tmp_path / "theirs", verbose=0)
    assert [row[0].label for row in theirs.batch_lookup(X, k=1, verbose=0)] == Y
    with pytest.warns(UserWarning, match="data are pickled"):
        again = import_index(tmp_path / "theirs")
    assert again.metric == "euclidean"
    np.testing.assert_array_equal(again.kv_store.embeddings, X)
    with pytest.raises(FileExistsError, match="must not be there yet"):
        export_index(ours, tmp_path / "theirs")
    ours.batch_add(X[:1], ["a"])
    with pytest.raises(ValueError, match="can be exported"):
        export_index(ours, tmp_path / "strings")
    assert [file.name for file in tmp_path.iterdir()] == ["theirs"]


def test_damaged_and_foreign_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        import_index(tmp_path)
    (tmp_path / "index_metadata.json").write_text('{"embedding_size": 4, "distance": "cosine"}')
    (tmp_path / "index.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ValueError, match="damaged"):
        import_index(tmp_path)
    (tmp_path / "index_metadata.json").write_text("[]")
    with pytest.raises(ValueError, match="damaged"):
        import_index(tmp_path)
