"""The studies of many networks as a user runs them, on the sample."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(name, folder, *flags, environment=()):
    return subprocess.run(
        [sys.executable, f"examples/{name}.py", "--sample", "--output", str(folder), *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **dict(environment)},
        capture_output=True,
        text=True,
    )


def results(name, folder, *flags):
    done = run(name, folder, *flags)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (folder / f"{name}.png").stat().st_size > 10_000
    return json.loads((folder / f"{name}.json").read_text("utf-8")), done.stdout


@pytest.mark.slow
def test_sizes_are_compared_and_an_interrupted_study_goes_on(tmp_path):
    flags = ["--epochs", "4", "--seed", "0", "1"]
    first, _ = results("embedding_size", tmp_path, *flags, "--sizes", "2")
    found, printed = results("embedding_size", tmp_path, *flags, "--sizes", "2", "32")
    assert found["runs"][:2] == first["runs"]
    assert [(row["size"], row["seeds"]) for row in found["table"]] == [(2, 2), (32, 2)]
    small, large = found["table"]
    assert large["recall_at_1"] > small["recall_at_1"] + 0.1
    assert small["map_at_r_low"] < small["map_at_r"] < small["map_at_r_high"]
    # 4 bytes a number, 8 each for the id and the label of an image, and the files' headers.
    for row in (small, large):
        assert 0 <= row["bytes"] - (4 * row["size"] + 16) < 4
    assert f"best is size 32, MAP@R {large['map_at_r']:.3f}" in printed


@pytest.mark.slow
def test_prepared_triplets(tmp_path):
    flags = ["--epochs", "2", "--seed", "3", "--sizes", "8", "--prepared"]
    found, _ = results("embedding_size", tmp_path, *flags)
    assert found["runs"][0]["seed"] == 3
    assert found["runs"][0]["recall_at_1"] > 0.3  # a tenth by chance
    assert found["settings"]["images_seen"] % (3 * 130 * 2) == 0


@pytest.mark.slow
def test_search_names_the_missing_tuner(tmp_path):
    (tmp_path / "keras_tuner.py").write_text("raise ImportError('not here')")
    paths = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = run("embedding_size", tmp_path, "--search", "1", environment=paths)
    assert done.returncode == 1
    assert "pip install 'keras-metric[tuner]'" in done.stderr


@pytest.mark.slow
def test_search_stays_within_the_sizes(tmp_path):
    pytest.importorskip("keras_tuner")
    flags = ["--search", "2", "--epochs", "1", "--sizes", "4", "16"]
    done = run("embedding_size", tmp_path, *flags)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 4 <= json.loads((tmp_path / "search.json").read_text("utf-8"))["size"] <= 16


@pytest.mark.slow
def test_backbones_are_compared(tmp_path):
    names = ["dense", "small_cnn", "small_resnet", "small_vit"]
    found, printed = results("backbones", tmp_path, "--epochs", "3", "--backbones", *names)
    assert [row["backbone"] for row in found["table"]] == names
    for row in found["runs"]:
        assert row["loss"][-1] < row["loss"][0]
        assert row["recall_at_1"] > 0.3  # a tenth by chance
    # Flattened image to 128 features to 64 numbers.
    assert found["table"][0]["parameters"] == 784 * 128 + 128 + 128 * 64 + 64
    assert f"{len(names)} networks: best is " in printed


@pytest.mark.slow
def test_ready_weights_are_frozen_then_half_are_freed(tmp_path):
    import keras

    network = keras.applications.MobileNet((32, 32, 3), include_top=False, weights=None)
    network.save_weights(tmp_path / "ready.weights.h5")
    flags = ["--epochs", "2", "--backbones", "MobileNet", "--augment"]
    weights = ["--weights", str(tmp_path / "ready.weights.h5")]
    found, _ = results("backbones", tmp_path, *flags, *weights)
    frozen, freed = found["runs"][0]["trained"]
    assert frozen == 1024 * 64 + 64  # the layer upon the backbone
    assert frozen < freed < found["runs"][0]["parameters"]
