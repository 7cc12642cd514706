"""The tutorials' scripts as a user runs them, on the sample."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(name, folder, *flags):
    """The results that a script saved, and what it printed."""
    done = subprocess.run(
        [sys.executable, f"examples/{name}.py", "--sample", "--output", str(folder), *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / f"{name}.json").read_text("utf-8")), done.stdout


PICTURES = {
    "siamese": {"data", "right", "wrong", "histogram", "ranking"},
    "contrastive": {"wrong", "histogram", "ranking", "map"},
    "triplet": {"right", "wrong", "histogram", "ranking", "map"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_tuple_networks_learn_and_draw(name, tmp_path):
    results, printed = run(name, tmp_path, "--epochs", "12")
    assert results["loss"][-1] < 0.8 * results["loss"][0]
    # Half of the pairs are the same, and a tenth of the images are of the query's class.
    assert results["accuracy"] > 0.65
    assert results["recall_at_1"] > 0.5
    assert f"P@1 {results['recall_at_1']:.3f}" in printed
    assert {p.stem for p in tmp_path.glob("*.png")} == {f"{name}_{p}" for p in PICTURES[name]}


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_flags_to_try(name, tmp_path):
    small, _ = run(
        name, tmp_path, *"--epochs 1 --backbone dense --embedding-size 8 --augment".split()
    )
    # Flattened image to 128 features to 8 numbers; a siamese head weighs these.
    assert small["parameters"] == 784 * 128 + 128 + 128 * 8 + 8 + (9 if name == "siamese" else 0)
