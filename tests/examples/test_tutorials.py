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
    "triplet": {"data", "right", "wrong", "histogram", "map"},
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


@pytest.mark.slow
def test_online_mining_finds_what_prepared_triplets_lack(tmp_path):
    results, printed = run("online_mining", tmp_path, "--epochs", "12", "--margin", "0.3")
    assert results["loss"][-1] < 0.5 * results["loss"][0]
    assert results["recall_at_1"] > 0.6
    assert f"P@1 {results['recall_at_1']:.3f}" in printed
    looks = results["looks"]
    assert [one["epoch"] for one in looks] == list(range(13))
    for one in looks:
        assert one["easy"] + one["semi-hard"] + one["hard"] == pytest.approx(1, abs=1e-6)
        # At most one for each of an anchor's 12 positives; a prepared triplet has 3 images.
        assert 0 <= one["mined"] <= 12
        assert 0 <= one["prepared"] <= 1 / 3
    assert looks[-1]["easy"] > looks[0]["easy"]
    assert looks[-1]["mined"] > 3 * looks[-1]["prepared"]
    pictures = {"data", "distances", "kinds", "useful"}
    assert {p.stem for p in tmp_path.glob("*.png")} == {f"online_mining_{p}" for p in pictures}


@pytest.mark.slow
def test_another_loss_mines_online(tmp_path):
    results, _ = run("online_mining", tmp_path, *"--epochs 2 --loss TripletHardLoss".split())
    assert results["loss"][1] < results["loss"][0]


@pytest.mark.slow
def test_search_answers_and_serves_what_it_saved(tmp_path):
    results, printed = run("search", tmp_path, "--epochs", "15", "--precision", "0.9")
    assert (results["indexed"], results["queries"]) == (800, 400)
    assert results["recall_at_1"] > 0.7
    assert results["precise"]["precision"] >= 0.9
    assert results["best_f1"]["f1"] >= results["precise"]["f1"]
    # Calibrated on other queries; 250 of them, of which a part is accepted.
    assert results["right"] > 0.75
    assert results["agree"] > 0.95
    shares = results["open_set"]
    known = ("known_accuracy", "known_confused", "known_refused")
    assert sum(shares[key] for key in known) == pytest.approx(1)
    assert shares["unknown_refused"] > 0.5
    assert f"P@1 {results['recall_at_1']:.3f}" in printed
    assert {"search_right", "search_thresholds"} <= {p.stem for p in tmp_path.glob("*.png")}


@pytest.mark.slow
def test_a_folder_of_ones_own_is_streamed_and_learned(tmp_path):
    results, printed = run("own_data", tmp_path, "--epochs", "10")
    assert (results["images"], results["classes"], results["test_images"]) == (1000, 10, 500)
    assert (results["pairs"], results["triplets"]) == (10 * 4950, 1000 * 99 * 900)
    assert results["loss"][-1] < 0.7 * results["loss"][0]
    assert results["recall_at_1"] > 0.6
    assert f"P@1 {results['recall_at_1']:.3f}" in printed
    # A batch, and not the 784,000 bytes of all images.
    for way in results["reading"]:
        assert 130 * 784 <= way["bytes"] < results["decoded_bytes"] / 2
    pictures = {"pairs", "triplets", "balanced", "right", "wrong"}
    assert {p.stem for p in tmp_path.glob("*.png")} == {f"own_data_{p}" for p in pictures}
    assert len(list((tmp_path / "images" / "train").rglob("*.png"))) == 1000


@pytest.mark.slow
def test_programs_of_other_libraries_learn(tmp_path):
    results, printed = run("coming_from", tmp_path, "--epochs", "8")
    names = ["TensorFlow Addons", "tensorflow-similarity", "pytorch-metric-learning"]
    assert [row["program"] for row in results["table"]] == names
    for row in results["table"]:
        assert row["recall_at_1"] > 0.6  # a tenth by chance
        assert f"{row['program']}: P@1 {row['recall_at_1']:.3f}" in printed
    assert 0 < results["accepted"] < 1
    assert results["right"] > 0.8
    assert (tmp_path / "coming_from.png").is_file()
