"""Time the drawing of tuples: sampling alone, and streams over images in memory.

Each row is measured in a process of its own, so that its peak memory can be told:

    python -m tests.benchmarks.data            # writes docs/benchmarks/data.md and data.png
"""

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 3.0
FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"


def peak() -> float:
    """Most memory held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def large_labels() -> Any:
    return np.random.default_rng(0).integers(0, 10**6, 10**7)


def sampling_set_up() -> dict[str, Any]:
    from tfds_builders.sampling import BalancedSampler, LabelIndex

    warnings.simplefilter("ignore")  # a few classes have fewer than four examples
    labels = large_labels()
    before, start = peak(), time.perf_counter()
    BalancedSampler(LabelIndex(labels), 16, 4).batch(0)
    seconds = time.perf_counter() - start
    return {"value": seconds, "unit": f"s, {peak() - before:.0f} MB", "wanted": "< 10 s, < 200 MB"}


def sampling_batches() -> dict[str, Any]:
    from tfds_builders.sampling import BalancedSampler

    warnings.simplefilter("ignore")
    sampler = BalancedSampler(large_labels(), 16, 4)
    start = time.perf_counter()
    for step in range(0, 10**5, 1000):
        sampler.batches(step, step + 1000)
    return {"value": time.perf_counter() - start, "unit": "s", "wanted": "< 10 s"}


def sampling_tuples(kind: str) -> dict[str, Any]:
    from tfds_builders import sampling

    sampler = getattr(sampling, kind)(large_labels())
    start = time.perf_counter()
    sampler.take(0, 2 * 10**6)
    return {"value": 2e6 / (time.perf_counter() - start), "unit": "tuples/s", "wanted": ""}


def images() -> tuple[Any, Any]:
    """60,000 images of 28 x 28 in 1,000 classes, in memory."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60_000, 28, 28, 1), dtype="uint8"), np.arange(60_000) % 1000


def rate(batches: Any, per_batch: int) -> float:
    """How many images or tuples a second an iterable gives, its first ten batches left out."""
    iterator = iter(itertools.chain.from_iterable(itertools.repeat(batches)))
    for _ in range(10):
        next(iterator)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        next(iterator)
        count += 1
    return count * per_batch / (time.perf_counter() - start)


def stream_balanced(output: str) -> dict[str, Any]:
    from tfds_builders import streams

    batches = streams.balanced(images(), 16, 4, output=output)
    wanted = ">= 500,000" if output == "numpy" else ">= 300,000"
    return {"value": rate(batches, 64), "unit": "images/s", "wanted": wanted}


def stream_tuples(kind: str) -> dict[str, Any]:
    from tfds_builders import streams

    batches = getattr(streams, kind)(images(), 256)
    return {"value": rate(batches, 256), "unit": "tuples/s", "wanted": ">= 500,000"}


def peer_memory_sampler() -> dict[str, Any]:
    from tensorflow_similarity.samplers import MultiShotMemorySampler

    data, labels = images()
    sampler = MultiShotMemorySampler(
        data, labels, classes_per_batch=16, examples_per_class_per_batch=4, steps_per_epoch=10**6
    )
    batches = (sampler[step] for step in itertools.count())
    return {"value": rate(batches, 64), "unit": "images/s", "wanted": ""}


ROWS: dict[str, Callable[[], dict[str, Any]]] = {
    "P x K, 10^7 labels, 10^6 classes: set-up": sampling_set_up,
    "P x K, 10^7 labels, 10^6 classes: 10^5 batches of 64": sampling_batches,
    "pairs, 10^7 labels, 10^6 classes": lambda: sampling_tuples("PairSampler"),
    "triplets, 10^7 labels, 10^6 classes": lambda: sampling_tuples("TripletSampler"),
    "balanced stream 16 x 4, numpy": lambda: stream_balanced("numpy"),
    "balanced stream 16 x 4, tf.data": lambda: stream_balanced("tf"),
    "pair stream, numpy": lambda: stream_tuples("pairs"),
    "triplet stream, numpy": lambda: stream_tuples("triplets"),
    "tensorflow-similarity's MultiShotMemorySampler 16 x 4": peer_memory_sampler,
}


def table(found: dict[str, dict[str, Any]]) -> str:
    lines = ["| what | measured | wanted |", "| --- | --- | --- |"]
    for name, row in found.items():
        value = f"{row['value']:,.0f}" if row["value"] >= 100 else f"{row['value']:.2f}"
        lines.append(f"| {name} | {value} {row['unit']} | {row['wanted']} |")
    return "\n".join(lines)


def plot(found: dict[str, dict[str, Any]], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rates = {name: row["value"] for name, row in found.items() if row["unit"].endswith("/s")}
    figure = Figure(figsize=(8, 0.5 * len(rates) + 1), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    bars = axes.barh(list(rates), list(rates.values()), color="#0072B2")
    axes.bar_label(bars, [f"{value:,.0f}" for value in rates.values()], padding=4)
    axes.set(xscale="log", xlabel="images or tuples a second", xlim=(None, 20e6))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(ROWS[options.one]()))
        return
    found = {}
    for name in ROWS:
        command = [sys.executable, "-m", "tests.benchmarks.data", "--one", name]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            print(f"{name} failed: {done.stderr.strip().splitlines()[-1]}", flush=True)
            continue
        found[name] = json.loads(done.stdout.strip().splitlines()[-1])
        print(name, found[name], flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = f"""# Data: how fast tuples are drawn

`python -m tests.benchmarks.data`, {os.cpu_count()} cores, each row in a process of its own.
Load of the machine over the last minute, at the end: {os.getloadavg()[0]:.1f}.

{table(found)}

![Rates](data.png)
"""
    (FOLDER / "data.md").write_text(text, encoding="utf-8")
    plot(found, FOLDER / "data.png")


if __name__ == "__main__":
    main()
