"""Time TripletSemiHardLoss against TFA's definition and pytorch-metric-learning.

Value and gradient, 64-d embeddings of length 1, 8 samples a class (or `--classes`),
each competitor in a process of its own so that its peak memory can be told:

    python -m tests.benchmarks.semi_hard --sizes 128 512 1024
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

COMPETITORS = {
    "TFA, graph": ("tensorflow", 1024),
    "TFA, XLA": ("tensorflow", 512),
    "PML": ("torch", 1024),
    "ours, TF graph": ("tensorflow", None),
    "ours, TF XLA": ("tensorflow", None),
    "ours, JAX": ("jax", None),
    "ours, PyTorch": ("torch", None),
}


def batch(size: int, num_classes: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of length 1 around class centres, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(size) % (num_classes or max(size // 8, 1))
    x = rng.normal(size=(labels.max() + 1, 64))[labels] + 1.5 * rng.normal(size=(size, 64))
    return labels, (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("float32")


def tensorflow_step(loss: Callable[..., Any], jit: bool) -> Callable[..., Any]:
    import tensorflow as tf

    @tf.function(jit_compile=jit)
    def step(labels: Any, x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(labels, x)
        return value, tf.convert_to_tensor(tape.gradient(value, x))

    return lambda labels, x: step(tf.constant(labels), tf.constant(x))


def jax_step(loss: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    return jax.jit(jax.value_and_grad(lambda labels, x: loss(labels, x), argnums=1))


def torch_step(loss: Callable[..., Any]) -> Callable[..., Any]:
    import torch

    def step(labels: Any, x: Any) -> Any:
        x = torch.tensor(x, requires_grad=True)
        value = loss(torch.tensor(labels), x)
        value.backward()
        return value.detach(), x.grad

    return step


def step_of(name: str) -> Callable[..., Any]:
    """Return the competitor's function of labels and embeddings to value and gradient."""
    if name.startswith("TFA"):
        from tests.oracles import tfa

        return tensorflow_step(lambda y, x: tfa.triplet_semihard(y, x, 0.2), name.endswith("XLA"))
    if name == "PML":
        from pytorch_metric_learning import distances, losses, miners

        distance = distances.LpDistance(normalize_embeddings=False)
        miner = miners.TripletMarginMiner(0.2, "semihard", distance=distance)
        loss = losses.TripletMarginLoss(0.2, distance=distance)
        return torch_step(lambda y, x: loss(x, y, miner(x, y)))
    from keras_metric.losses import TripletSemiHardLoss

    ours = TripletSemiHardLoss(0.2)
    if "TF" in name:
        return tensorflow_step(ours, name.endswith("XLA"))
    return jax_step(ours) if name.endswith("JAX") else torch_step(ours)


def measure(name: str, size: int, num_classes: int | None, repeats: int) -> dict[str, float]:
    """Time one competitor in this process."""
    labels, x = batch(size, num_classes)
    step = step_of(name)
    small = batch(16, num_classes)
    [np.asarray(part) for part in step(*small)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    value, gradient = (np.asarray(part) for part in step(labels, x))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        np.asarray(step(labels, x)[1])
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "value": float(value),
        "gradient": float(np.linalg.norm(gradient)),
        "ms": 1e3 * float(np.median(times)),
        "MB": (peak - before) / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 512, 1024, 2048])
    parser.add_argument("--classes", type=int, help="Number of classes. Default: size / 8.")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.sizes[0], options.classes, options.repeats)))
        return
    for size in options.sizes:
        for name, (backend, largest) in COMPETITORS.items():
            if largest and size > largest:
                continue
            command = [sys.executable, "-m", "tests.benchmarks.semi_hard", "--one", name]
            command += ["--sizes", str(size), "--repeats", str(options.repeats)]
            if options.classes:
                command += ["--classes", str(options.classes)]
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                print(f"{size:5d} {name:16s} failed: {done.stderr.strip().splitlines()[-1]}")
                continue
            row = json.loads(done.stdout.strip().splitlines()[-1])
            print(
                f"{size:5d} {name:16s} {row['ms']:10.2f} ms {row['MB']:8.0f} MB   "
                f"value {row['value']:.6f}   gradient {row['gradient']:.6f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
