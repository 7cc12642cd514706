"""Drawing positions alone: 10^7 labels in 10^6 classes."""

import resource
import time
import warnings
from typing import Any

import numpy as np

from tests.benchmarks.report import QUICK, Row, row

EXAMPLES, CLASSES = (10**5, 10**4) if QUICK else (10**7, 10**6)
WHAT = f"{EXAMPLES:,} labels, {CLASSES:,} classes"


def labels() -> Any:
    return np.random.default_rng(0).integers(0, CLASSES, EXAMPLES)


def peak() -> float:
    """Most memory held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def set_up() -> list[Row]:
    """Time and memory until the first batch."""
    from tfds_builders.sampling import BalancedSampler, LabelIndex

    warnings.simplefilter("ignore")  # a few classes have fewer than four examples
    found = labels()
    before, start = peak(), time.perf_counter()
    BalancedSampler(LabelIndex(found), 16, 4).batch(0)
    seconds = time.perf_counter() - start
    return [
        row(f"P x K of {WHAT}, set-up", seconds, "s", 10, at_most=True),
        row(f"P x K of {WHAT}, memory", peak() - before, "MB", 200, at_most=True),
    ]


def batches() -> list[Row]:
    """10^5 batches of 64, and tuples."""
    from tfds_builders import sampling

    warnings.simplefilter("ignore")
    count = 10**3 if QUICK else 10**5
    found = labels()
    sampler = sampling.BalancedSampler(found, 16, 4)
    start = time.perf_counter()
    for step in range(0, count, 1000):
        sampler.batches(step, step + 1000)
    seconds = time.perf_counter() - start
    rows = [row(f"P x K of {WHAT}, {count:,} batches of 64", seconds, "s", 10, at_most=True)]
    for kind in ("PairSampler", "TripletSampler"):
        tuples = getattr(sampling, kind)(found)
        start = time.perf_counter()
        tuples.take(0, 20 * count)
        speed = 20 * count / (time.perf_counter() - start)
        rows.append(row(f"{kind} of {WHAT}", speed, "tuples/s"))
    return rows
