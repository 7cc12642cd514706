"""Train the quickstart's network with keras_metric and with pytorch-metric-learning, in turn.

The same images, network, margin, batches of 10 x 13 and number of epochs; each competitor in
a process of its own, one after the other, seed by seed, and both measured by the same code:

    python -m tests.benchmarks.quickstart --seeds 3 --epochs 3

The peer trains as its documentation shows: Adam at 1e-3, `MPerClassSampler`, a semi-hard
`TripletMarginMiner`. Needs the full Fashion-MNIST at hand.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tfds_builders.sources import fashion_mnist_files, read_fashion_mnist

Embed = Callable[[np.ndarray], np.ndarray]
CLASSES, PER_CLASS, MARGIN, SIZE = 10, 13, 0.2, 64


def train_ours(
    images: np.ndarray, labels: np.ndarray, epochs: int, seed: int
) -> tuple[Embed, list[float]]:
    """The quickstart's training, on its stored dataset; seconds of each epoch."""
    import keras
    import tensorflow_datasets as tfds

    import tfds_builders  # noqa: F401 - registers fashion_balanced
    from keras_metric import losses, models

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seconds.append(time.perf_counter() - self.start)

    seconds: list[float] = []
    keras.utils.set_random_seed(seed)
    batches = tfds.load("fashion_balanced", split="train", as_supervised=True)
    batches = batches.batch(CLASSES * PER_CLASS, drop_remainder=True)
    batches = batches.cache().shuffle(len(batches), seed=seed).prefetch(2)
    model = models.embedding_network(models.small_cnn(), SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(batches))
    model.compile(
        keras.optimizers.Adam(schedule),
        losses.TripletSemiHardLoss(MARGIN),
        steps_per_execution=11,
    )
    model.fit(batches, epochs=epochs, verbose=0, callbacks=[Clock()])
    return lambda x: model.predict(x, batch_size=500, verbose=0), seconds


def train_peer(
    images: np.ndarray, labels: np.ndarray, epochs: int, seed: int
) -> tuple[Embed, list[float]]:
    """The same network and budget in PyTorch with pytorch-metric-learning."""
    import torch
    from pytorch_metric_learning import losses, miners, samplers

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what the sampler draws from
    stack: list[torch.nn.Module] = []
    before = 1
    for channels in (16, 32, 64):
        for width in (before, channels):
            stack += [torch.nn.Conv2d(width, channels, 3, padding=1, bias=False)]
            stack += [torch.nn.BatchNorm2d(channels), torch.nn.ReLU()]
        stack.append(torch.nn.MaxPool2d(2))
        before = channels
    model = torch.nn.Sequential(*stack, torch.nn.Flatten(), torch.nn.Linear(64 * 9, SIZE))
    x = torch.tensor(images.transpose(0, 3, 1, 2))
    y = torch.tensor(labels)
    loss = losses.TripletMarginLoss(margin=MARGIN)
    miner = miners.TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard")
    sampler = samplers.MPerClassSampler(
        labels, PER_CLASS, CLASSES * PER_CLASS, length_before_new_iter=len(labels)
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        order = torch.tensor(list(sampler))
        for rows in order.split(CLASSES * PER_CLASS):
            embeddings = torch.nn.functional.normalize(model(x[rows].float() / 255))
            optimizer.zero_grad()
            loss(embeddings, y[rows], miner(embeddings, y[rows])).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    model.eval()

    def embed(queries: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            parts = torch.tensor(queries.transpose(0, 3, 1, 2)).split(500)
            found = [torch.nn.functional.normalize(model(part.float() / 255)) for part in parts]
        return torch.cat(found).numpy()

    return embed, seconds


def run_one(who: str, epochs: int, seed: int) -> dict[str, Any]:
    """Trains one competitor once and measures 10,000 queries against 60,000 images."""
    from keras_metric.retrieval.measures import evaluate

    files = fashion_mnist_files(None, None)
    images, labels = read_fashion_mnist(files, "train")
    train = {"ours": train_ours, "peer": train_peer}[who]
    embed, seconds = train(images, labels, epochs, seed)
    queries, query_labels = read_fashion_mnist(files, "test")
    measures = ["recall_at_1", "map_at_r", "r_precision"]
    report = evaluate(
        embed(queries),
        query_labels,
        gallery=embed(images),
        gallery_labels=labels,
        measures=measures,
    )
    return {"seconds": seconds} | {name: report[name] for name in measures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("WHO", "SEED"), help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.one:
        print(json.dumps(run_one(flags.one[0], flags.epochs, int(flags.one[1]))))
        return
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "peer": []}
    for seed in range(flags.seeds):
        for who, rows in found.items():
            command = [sys.executable, "-m", __spec__.name, "--epochs", str(flags.epochs)]
            # As the quickstart does; TensorFlow leaves it off on AMD processors.
            os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
            done = subprocess.run(
                [*command, "--one", who, str(seed)], stdout=subprocess.PIPE, check=True, text=True
            )
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            row = rows[-1]
            each = " ".join(f"{value:.1f}" for value in row["seconds"])
            print(
                f"{who} seed {seed}: Recall@1 {row['recall_at_1']:.4f}   MAP@R "
                f"{row['map_at_r']:.4f}   R-precision {row['r_precision']:.4f}   epochs {each} s"
                f"   load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    for who, rows in found.items():
        median = {
            name: statistics.median(row[name] for row in rows)
            for name in ("recall_at_1", "map_at_r", "r_precision")
        }
        # The first epoch of ours traces and compiles.
        epoch = statistics.median(value for row in rows for value in row["seconds"])
        print(f"{who}, median of {flags.seeds}: {median}   epoch {epoch:.1f} s")


if __name__ == "__main__":
    main()
