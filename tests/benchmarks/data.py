"""Time everything that makes data: sampling, streams, builders; each in a process of its own.

    python -m tests.benchmarks.data                      # all; writes docs/benchmarks/data.*
    python -m tests.benchmarks.data --only built peer    # some rows
    python -m tests.benchmarks.data --quick --output /tmp/data     # small sizes, to try it

Figures taken anew replace those of the same rows in `data.json`; the others are kept.
"""

import sys

from tests.benchmarks.report import run

_STREAMS = "tests.benchmarks.streams"
GROUPS: dict[str, tuple[str, str, dict[str, str]]] = {
    "sampling_set_up": ("tests.benchmarks.sampling", "set_up", {}),
    "sampling_batches": ("tests.benchmarks.sampling", "batches", {}),
    "built": ("tests.benchmarks.built", "built", {}),
    "peer": ("tests.benchmarks.built", "peer", {}),
    "in_memory": (_STREAMS, "in_memory", {}),
    "prepared": (_STREAMS, "prepared", {}),
    "photographs": (_STREAMS, "photographs", {}),
    "memory_mapped": (_STREAMS, "memory_mapped", {}),
    "memory_tfrecord": (_STREAMS, "memory_tfrecord", {}),
    **{
        f"fit_{backend}": (_STREAMS, "data_wait", {"KERAS_BACKEND": backend})
        for backend in ("tensorflow", "jax", "torch")
    },
}


if __name__ == "__main__":
    sys.exit(run("data", "Data: how fast tuples are drawn", __doc__, GROUPS))
