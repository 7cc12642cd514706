"""Whatever is called in whatever order: no crash, and no wrong answer that nobody notices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DISTANCES = ("cosine", "euclidean", "squared_euclidean", "dot_product", "manhattan")
MISSING = {"ivfpq-manhattan", "nmslib-dot_product"}


def fuzz(kinds, seed, steps):
    """Many kinds in one process: to begin one takes ten times as long as to fuzz an index."""
    script = Path(__file__).with_name("fuzz.py")
    done = subprocess.run(
        [sys.executable, script, str(seed), str(steps), *kinds],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"status {done.returncode}: {done.stdout}{done.stderr[-3000:]}"
    assert f"done {3 * steps * len(kinds)}" in done.stdout


def test_a_few_calls():
    fuzz(["flat-cosine", "hnsw-euclidean", "ivf-dot_product"], seed=0, steps=30)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["flat", "hnsw", "ivf", "ivfpq", "nmslib"])
def test_many_calls(engine):
    kinds = {f"{engine}-{distance}" for distance in DISTANCES} - MISSING
    fuzz(sorted(kinds), seed=100, steps=100)
