"""Whatever is called in whatever order: no crash, and no wrong answer that nobody notices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DISTANCES = ("cosine", "euclidean", "squared_euclidean", "dot_product", "manhattan")
MISSING = {("ivfpq", "manhattan"), ("nmslib", "dot_product")}
EVERY = [
    (engine, distance)
    for engine in ("flat", "hnsw", "ivf", "ivfpq", "nmslib")
    for distance in DISTANCES
    if (engine, distance) not in MISSING
]


def fuzz(engine, distance, seed, steps):
    script = Path(__file__).with_name("fuzz.py")
    done = subprocess.run(
        [sys.executable, script, engine, distance, str(seed), str(steps)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"status {done.returncode}: {done.stderr[-3000:]}"
    assert f"done {3 * steps}" in done.stdout


@pytest.mark.parametrize(
    ("engine", "distance"), [("flat", "cosine"), ("hnsw", "euclidean"), ("ivf", "dot_product")]
)
def test_a_few_calls(engine, distance):
    fuzz(engine, distance, seed=0, steps=30)


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "distance"), EVERY)
def test_many_calls(engine, distance):
    fuzz(engine, distance, seed=100, steps=100)
