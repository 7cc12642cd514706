"""Engines work after `faiss.contrib.torch_utils` has replaced methods of FAISS."""

import subprocess
import sys

import pytest

SCRIPT = """
import faiss.contrib.torch_utils
import numpy as np
from keras_metric.retrieval.engines import make_engine

x = np.random.default_rng(0).normal(size=(500, 8)).astype("float32")
for name in ("flat", "hnsw", "ivf"):
    engine = make_engine(name, "euclidean", 8, {})
    engine.insert(x, np.arange(500))
    ids, _ = engine.nearest(x[:5], 3)
    assert ids[:, 0].tolist() == [0, 1, 2, 3, 4], (name, ids)
print("found")
"""


def test_engines_search_beside_faiss_torch_utils():
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout == "found\n", done.stderr[-1000:]
