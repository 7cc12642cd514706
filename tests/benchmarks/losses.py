"""Time and peak memory of every loss's value and gradient, on each backend and in peers.

64-d embeddings of length 1, 8 samples a class and two classes; every backend and peer in a
process of its own, with a limit of time and of memory for each cell. The losses are those
that `keras_metric.losses` makes public; losses on pairs inside a batch are also set against
the (batch, batch) distance matrix and its gradient.

    python -m tests.benchmarks.losses                        # all of it, into docs/benchmarks
    python -m tests.benchmarks.losses --quick --backends JAX --losses NTXentLoss

Cells taken anew replace the same ones in `losses.json`, with the day on which they were taken;
the others are kept. The distance matrix is taken anew beside any loss that is set against it.
"""

import argparse
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import loss_report
from tests.benchmarks.loss_cells import MATRIX, PML, STEP, TFA, Cell, public_losses, run
from tests.benchmarks.report import FOLDER

BACKENDS = {
    "TensorFlow": "tensorflow",
    "JAX": "jax",
    "PyTorch": "torch",
    "PML": "torch",
    "TFA, graph": "tensorflow",
    "TFA, XLA": "tensorflow",
}
SIZES = [128, 512, 1024, 2048, 4096]


def cells_of(competitor: str, sizes: list[int], chosen: list[str]) -> list[Cell]:
    """What one competitor is measured on, the cheap before the dear."""
    kinds = {name: kind for name, kind in public_losses().items() if name in chosen}
    if competitor == "PML":
        kinds = {name: kind for name, kind in kinds.items() if name in PML}
    elif competitor.startswith("TFA"):
        kinds = {name: kind for name, kind in kinds.items() if name in TFA}
    elif "labelled" in kinds.values():
        kinds = {MATRIX: "matrix", **kinds}
    found: list[Cell] = []
    for name, kind in kinds.items():
        # What is linear in the batch is told by its ends.
        is_linear = kind.startswith("proxies") or name == "ContrastiveLoss" or kind == "triplets"
        for size in sorted({min(sizes), max(sizes)} if is_linear else sizes):
            both = [None, 2] if kind == "labelled" else [None]
            found += [{"loss": name, "size": size, "classes": classes} for classes in both]
    if competitor in loss_report.OURS and "TripletSemiHardLoss" in kinds:
        found.append({"loss": STEP, "size": 130, "classes": 10})
    return found


def measured(competitor: str, cells: list[Cell], flags: argparse.Namespace) -> Iterator[Cell]:
    """Results of all cells; where steps are compiled, memory is that of a pass of its own.

    What an allocator keeps makes the next step fast, and what that takes cannot be told.
    """
    memory: dict[tuple[Any, ...], Any] = {}
    if BACKENDS[competitor] != "torch":
        found = _all(competitor, cells, flags, for_memory=True)
        memory = {_key(cell): cell["MB"] for cell in found if "MB" in cell}
    for cell in _all(competitor, cells, flags, for_memory=False):
        yield {**cell, "MB": memory.get(_key(cell), cell["MB"])} if "MB" in cell else cell


def _key(cell: Cell) -> tuple[Any, ...]:
    return cell["loss"], cell["size"], cell["classes"]


def _all(
    competitor: str, cells: list[Cell], flags: argparse.Namespace, for_memory: bool
) -> Iterator[Cell]:
    """Results of all cells; those that a wanted figure is set against have longer."""
    wanted = [(name, size, peer) for name, size, peer, _ in loss_report.FASTER]
    patient = [
        cell
        for cell in cells
        if (cell["loss"], cell["size"], competitor) in wanted and cell["classes"] is None
    ]
    others = [cell for cell in cells if cell not in patient]
    yield from _within(competitor, others, flags.seconds, flags.gigabytes, for_memory)
    yield from _within(
        competitor, patient, flags.patient_seconds, flags.patient_gigabytes, for_memory
    )


def _within(
    competitor: str, cells: list[Cell], seconds: float, gigabytes: float, for_memory: bool
) -> Iterator[Cell]:
    """Results of cells; a process that takes too long or dies is replaced by another."""
    waiting = list(cells)
    while waiting:
        process, lines = _child(competitor, waiting, seconds, gigabytes, for_memory)
        limit = seconds + 60  # the first line waits for the imports
        why = "memory"  # a process that ends by itself was killed or gave up
        while waiting:
            try:
                line = lines.get(timeout=limit if waiting[0]["loss"] != STEP else limit + 60)
            except queue.Empty:
                line, why = None, f"over {seconds:g} s"
            if line is None:
                break
            yield json.loads(line)
            waiting.pop(0)
            limit = seconds + 2  # what is not timed: the first call, the batch
        process.kill()
        process.wait()
        if waiting:
            first = waiting[0]
            same = [one for one in waiting if one["loss"] == first["loss"]]
            same = [one for one in same if one["classes"] == first["classes"]]
            waiting = [one for one in waiting if one not in same]
            for one in same:
                yield {**one, "failed": why}


def _child(
    competitor: str, cells: list[Cell], seconds: float, gigabytes: float, for_memory: bool
) -> tuple["subprocess.Popen[str]", "queue.Queue[str | None]"]:
    environment = {"KERAS_BACKEND": BACKENDS[competitor], "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"TF_ENABLE_ONEDNN_OPTS": "1", "CUDA_VISIBLE_DEVICES": ""}
    if for_memory:  # oneDNN's allocator gives nothing back, glibc's keeps up to 32 MB
        environment |= {"TF_ENABLE_ONEDNN_OPTS": "0", "MALLOC_MMAP_THRESHOLD_": "65536"}
    # Threads that wait by spinning are a hundred times slower beside other work.
    environment |= {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "GOMP_SPINCOUNT": "0"}
    command = [sys.executable, "-m", __spec__.name, "--one", competitor]
    command += ["--gigabytes", str(gigabytes), "--seconds", str(seconds)]
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(cells))
    process.stdin.close()
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or []:
            if line.startswith("{"):
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return process, lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", choices=list(BACKENDS), default=list(BACKENDS))
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--losses", nargs="+", default=None, help="Default: every public one.")
    parser.add_argument("--seconds", type=float, default=20.0, help="Most for a cell.")
    parser.add_argument("--gigabytes", type=float, default=8.0, help="Most for a cell.")
    parser.add_argument(
        "--patient-seconds",
        type=float,
        default=120.0,
        help="Most for a peer's cell that a wanted figure is set against.",
    )
    parser.add_argument("--patient-gigabytes", type=float, default=20.0, help="Likewise.")
    parser.add_argument("--quick", action="store_true", help="Batches of 128 and 512 alone.")
    parser.add_argument("--output", type=Path, default=FOLDER, help="Folder of the results.")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.one:
        run(flags.one, json.load(sys.stdin), flags.gigabytes, flags.seconds)
        return
    os.environ.setdefault("KERAS_BACKEND", "torch")  # to list the losses
    sizes = [128, 512] if flags.quick else flags.sizes
    known = list(public_losses())
    unknown = set(flags.losses or ()) - set(known)
    if unknown:
        parser.error(f"no such losses: {sorted(unknown)}; known are {known}")
    rows, start = loss_report.saved_rows(flags.output), time.time()
    today = time.strftime("%Y-%m-%d")
    for competitor in flags.backends:
        cells = cells_of(competitor, sizes, flags.losses or known)
        for found in measured(competitor, cells, flags):
            rows.append({"who": competitor, **found, "date": today})
            what = found.get("failed") or f"{found['ms']:.2f} ms {found['MB']:.0f} MB"
            print(
                f"{time.time() - start:5.0f} s {competitor:10s} {found['loss']:30s} "
                f"{found['size']:5d} {'8 each' if found['classes'] is None else '2':6s} {what}",
                flush=True,
            )
        loss_report.write(rows, flags)


if __name__ == "__main__":
    main()
