"""How fast embeddings are indexed, searched and measured, beside the peers.

    python -m tests.benchmarks.retrieval [--only GROUP ...] [--quick]

Each group of rows runs in a process of its own, ours and the peer's in the same one. The
embeddings are those of the quickstart's network: 64 numbers for each image of Fashion-MNIST,
trained for three epochs by the first group that needs them and kept in the system's folder for
temporary files.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.report import QUICK, Row, row, run

_HERE = "tests.benchmarks.retrieval"
GROUPS: dict[str, tuple[str, str, dict[str, str]]] = {
    name: (_HERE, name, {})
    for name in ("search", "measures", "products", "million", "memory", "imports")
}
NAMES = {
    "precision_at_1": "precision_at_1",
    "r_precision": "r_precision",
    "map_at_r": "mean_average_precision_at_r",
}


def embeddings() -> list[np.ndarray]:
    """Trained embeddings: gallery, its labels, queries, their labels."""
    import keras

    from keras_metric import losses, models
    from tests.benchmarks.built import fashion
    from tfds_builders import streams

    path = Path(tempfile.gettempdir()) / f"keras_metric_embeddings{'_quick' * QUICK}.npz"
    if path.exists():
        with np.load(path) as saved:
            return [saved[key] for key in ("gallery", "labels", "queries", "query_labels")]
    keras.utils.set_random_seed(0)
    (images, labels), (test_images, test_labels) = fashion("train"), fashion("test")
    model = models.embedding_network(models.small_cnn(), 64)
    model.compile(keras.optimizers.Adam(1e-3), losses.TripletSemiHardLoss(0.2))
    batches = streams.balanced((images, labels), 10, 13, seed=0, output="tf")
    model.fit(batches, epochs=3, verbose=0)
    found = [
        model.predict(images, batch_size=500, verbose=0),
        labels,
        model.predict(test_images, batch_size=500, verbose=0),
        test_labels,
    ]
    keys = ("gallery", "labels", "queries", "query_labels")
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, **dict(zip(keys, found, strict=True)))
    os.replace(temporary, path)
    return found


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """What a function returns, and the seconds it takes."""
    start = time.perf_counter()
    found = function()
    return found, time.perf_counter() - start


def in_turn(*functions: Callable[[], Any]) -> list[tuple[Any, float]]:
    """What each function returns, and the seconds it takes: the best of three rounds."""
    rounds = [[timed(function) for function in functions] for _ in range(3)]
    return [min(times, key=lambda one: one[1]) for times in zip(*rounds, strict=True)]


def peak_of(function: Callable[[], Any]) -> tuple[Any, float]:
    """What a function returns, and by how many MB the process grows meanwhile, at most."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = most = resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.005):
            most = max(most, resident())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        found = function()
    finally:
        done.set()
        thread.join()
    return found, (max(most, resident()) - before) / 1e6


def search() -> list[Row]:
    """60,000 rows indexed and 10,000 queries answered, with tensorflow-similarity's default."""
    from tensorflow_similarity import retrieval_metrics as peers
    from tensorflow_similarity.indexer import Indexer as PeerIndexer

    from keras_metric.retrieval import Indexer, MapAtK, RecallAtK

    gallery, labels, queries, query_labels = embeddings()
    counts = dict(enumerate(np.bincount(labels).tolist()))

    def ours() -> dict[str, Any]:
        index = Indexer(gallery.shape[1], "cosine")
        index.batch_add(gallery, labels, verbose=0)
        found = [RecallAtK(k=1), RecallAtK(k=10), MapAtK(k=10)]
        return index.evaluate_retrieval(queries, query_labels, found, verbose=0)

    def peer() -> dict[str, Any]:
        index = PeerIndexer(gallery.shape[1])
        index.batch_add(gallery, labels, verbose=0)
        found = [peers.RecallAtK(k=1), peers.RecallAtK(k=10), peers.MapAtK(r=counts, k=10)]
        return index.evaluate_retrieval(queries, query_labels, found, verbose=0)

    (mine, seconds), (theirs, their_seconds) = in_turn(ours, peer)
    what = "index 60,000, query 10,000, Recall@1, Recall@10, MAP@10"
    rows = [
        row(f"{what}: keras_metric", seconds, "s"),
        row(f"{what}: tensorflow-similarity's default", their_seconds, "s"),
        row(f"{what}: times as fast", their_seconds / seconds, "x", 5),
    ]
    for (name, value), other in zip(mine.items(), theirs.values(), strict=True):
        if name.startswith("map"):  # theirs divides by all that is relevant, not by what can be met
            continue
        rows.append(row(f"{name}: keras_metric, exact", float(value), ""))
        rows.append(row(f"{name}: tensorflow-similarity, approximate", float(other), ""))
    return rows


def _beside_pml(what: str, arguments: tuple[Any, ...], least: float) -> list[Row]:
    """Precision@1, R-precision and MAP@R with us and with pytorch-metric-learning."""
    import torch
    from pytorch_metric_learning.utils import accuracy_calculator

    from keras_metric.retrieval.measures import evaluate

    calculator = accuracy_calculator.AccuracyCalculator(
        include=list(NAMES.values()), k="max_bin_count", device=torch.device("cpu")
    )
    columns = [torch.tensor(array) for array in arguments]

    def ours() -> Any:
        return evaluate(*arguments, measures=list(NAMES))

    def theirs() -> dict[str, Any]:
        return dict(calculator.get_accuracy(*columns, *([False] if len(columns) == 4 else [])))

    _, peak = peak_of(ours)
    (report, seconds), (expected, their_seconds) = in_turn(ours, theirs)
    gap = max(abs(report[name] - float(expected[other])) for name, other in NAMES.items())
    return [
        row(f"{what}: keras_metric", seconds, "s"),
        row(f"{what}: pytorch-metric-learning", their_seconds, "s"),
        row(f"{what}: times as fast", their_seconds / seconds, "x", least),
        row(f"{what}: greatest difference", gap, "", 1e-6, at_most=True),
        row(f"{what}: memory", peak, "MB", 1000, at_most=True),
    ]


def measures() -> list[Row]:
    """Few large classes: Fashion-MNIST."""
    gallery, labels, queries, query_labels = embeddings()
    arguments = (queries, query_labels, gallery, labels)
    what = f"MAP@R, R-precision, P@1 of {len(queries):,} in {len(gallery):,}, 10 classes"
    return _beside_pml(what, arguments, 5)


def products() -> list[Row]:
    """Many small classes: the size of Stanford Online Products, leave-one-out."""
    rng = np.random.default_rng(0)
    num, classes = (2000, 400) if QUICK else (60_502, 11_316)
    labels = rng.permutation(np.r_[np.arange(classes), rng.integers(0, classes, num - classes)])
    centers = rng.normal(size=(classes, 128))
    x = (centers[labels] + rng.normal(size=(num, 128))).astype("float32")
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    what = f"MAP@R, R-precision, P@1 of {num:,}, leave-one-out, {classes:,} classes"
    return _beside_pml(what, (x, labels), 4)


def million() -> list[Row]:
    """10^6 rows of 128 in clusters: approximate engines beside the exact one."""
    from keras_metric.retrieval import Indexer

    rng = np.random.default_rng(0)
    num, clusters, k = (20_000, 200, 10) if QUICK else (10**6, 10_000, 10)
    centers = rng.normal(size=(clusters, 128)).astype("float32")
    rows = centers[rng.integers(0, clusters, num)]
    rows += 0.5 * rng.normal(size=rows.shape).astype("float32")
    queries = rows[:1000] + 0.1 * rng.normal(size=(1000, 128)).astype("float32")
    truth: np.ndarray | None = None
    found: list[Row] = []
    for engine in ("flat", "ivf", "hnsw"):
        index = Indexer(128, "cosine", engine)

        def build(index: Indexer = index) -> None:
            index.batch_add(rows, verbose=0)
            index.search(queries[:1], k)  # a graph is built when first searched

        _, seconds = timed(build)
        (ids, *_), search_seconds = timed(lambda index=index: index.search(queries, k))
        truth = ids if truth is None else truth
        recall = np.mean([np.isin(a, b).mean() for a, b in zip(ids, truth, strict=True)])
        with tempfile.TemporaryDirectory() as folder:
            index.save(Path(folder) / "index")
            size = sum(file.stat().st_size for file in Path(folder).rglob("*")) / 1e6
        what = f"{num:,} x 128, {engine}"
        found += [
            row(f"{what}: built", seconds, "s"),
            row(f"{what}: saved", size, "MB"),
            row(f"{what}: queries of 10 neighbours", len(queries) / search_seconds, "queries/s"),
        ]
        if engine != "flat":
            found.append(row(f"{what}: recall@10", float(recall), "", 0.95))
    return found


def memory() -> list[Row]:
    """What evaluating and calibrating take beyond the index: it must not grow with queries^2."""
    from keras_metric.retrieval import Indexer, MapAtR, RecallAtK

    rng = np.random.default_rng(0)
    num, count = (2000, 4000) if QUICK else (20_000, 100_000)
    labels, query_labels = rng.integers(0, 100, num), rng.integers(0, 100, count)
    centers = rng.normal(size=(100, 64))
    rows, queries = (
        (centers[one] + rng.normal(size=(len(one), 64))).astype("float32")
        for one in (labels, query_labels)
    )
    index = Indexer(64, "cosine")
    index.batch_add(rows, labels, verbose=0)
    index.search(queries[:10], 5)
    wanted = [RecallAtK(k=5), MapAtR()]
    _, of_evaluate = peak_of(
        lambda: index.evaluate_retrieval(queries, query_labels, wanted, verbose=0)
    )
    _, of_calibrate = peak_of(
        lambda: index.calibrate(queries, query_labels, {"sure": ("precision", 0.5)}, verbose=0)
    )
    what = f"{count:,} queries, beyond the index"
    return [
        row(f"evaluate_retrieval, {what}", of_evaluate, "MB", 1000, at_most=True),
        row(f"calibrate, {what}", of_calibrate, "MB", 1000, at_most=True),
    ]


def imports() -> list[Row]:
    """What `import keras_metric` adds to `import keras`: the least of five, each in turn."""
    import subprocess

    code = "import keras, time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
    modules = "keras_metric, keras_metric.losses, keras_metric.models, keras_metric.retrieval"
    found: dict[str, float] = {}
    for what in ("keras_metric", modules):
        commands = [sys.executable, "-c", code.format(f"import {what}")]
        outputs = [
            subprocess.run(commands, capture_output=True, text=True, check=True).stdout
            for _ in range(5)
        ]
        found[what] = min(float(output.split()[-1]) for output in outputs)
    return [
        row(f"import {what}, after Keras", seconds, "s", 0.3, at_most=True)
        for what, seconds in found.items()
    ]


if __name__ == "__main__":
    sys.exit(run("retrieval", "Retrieval: how fast it searches and measures", __doc__, GROUPS))
