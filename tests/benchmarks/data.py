"""Time everything that makes data: sampling, streams, builders; each in a process of its own.

    python -m tests.benchmarks.data                      # all; writes docs/benchmarks/data.*
    python -m tests.benchmarks.data --only built peer    # some rows
    python -m tests.benchmarks.data --quick --output /tmp/data     # small sizes, to try it

Figures taken anew replace those of the same rows in `data.json`; the others are kept.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from tests.benchmarks import report

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


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--output", type=Path, default=report.FOLDER)
    options = parser.parse_args()
    environment = {"BENCHMARKS": "quick"} if options.quick else {}
    saved = options.output / "data.json"
    found: dict[str, list[report.Row]] = {}
    if saved.exists():
        for one in json.loads(saved.read_text())["rows"]:
            found.setdefault(one["group"], []).append(one)
    failed = 0
    for number, name in enumerate(options.only, 1):
        module, function, own = GROUPS[name]
        start = time.perf_counter()
        try:
            rows = report.run_apart(module, function, {**environment, **own})
            found[name] = [{"group": name, **one} for one in rows]
        except RuntimeError as error:
            failed += 1
            print(f"[{number}/{len(options.only)}] {name} failed: {error}", flush=True)
            continue
        seconds = time.perf_counter() - start
        print(f"[{number}/{len(options.only)}] {name}, {seconds:.0f} s", flush=True)
        for one in found[name]:
            sign = {None: "", True: "  ok", False: "  MISSED"}[report.is_met(one)]
            print(f"  {one['what']:70s} {one['value']:14,.4g} {one['unit']}{sign}", flush=True)
    rows = [one for name in GROUPS for one in found.get(name, [])]
    text = (
        "Written by `python -m tests.benchmarks.data`, each group of rows in a process of its "
        f"own, on {report.machine()['cores']} cores (load over the last minute, at the end: "
        f"{os.getloadavg()[0]:.1f})."
    )
    if rows:
        report.write("data", "Data: how fast tuples are drawn", text, rows, options.output)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
