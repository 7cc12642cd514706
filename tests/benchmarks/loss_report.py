"""The losses' benchmark as tables, a plot and a file of all numbers."""

import argparse
import json
from pathlib import Path
from typing import Any

from tests.benchmarks import report
from tests.benchmarks.loss_cells import MATRIX, STEP, Cell

OURS = ("TensorFlow", "JAX", "PyTorch")
# Okabe and Ito's colours, told apart by the colour-blind; markers tell the rest.
SHOWN = {
    "TripletSemiHardLoss": ("#0072B2", "o"),
    "TripletLoss": ("#D55E00", "s"),
    "NTXentLoss": ("#009E73", "^"),
    "SmoothAPLoss": ("#CC79A7", "D"),
}
# A loss, a batch, a peer, and how many times as fast ours on TensorFlow should be.
FASTER = (
    ("TripletSemiHardLoss", 1024, "TFA, graph", 100),
    ("TripletSemiHardLoss", 1024, "PML", 15),
    ("TripletSemiHardLoss", 128, "TFA, XLA", 2),
    ("TripletLoss", 1024, "PML", 10),
    ("NTXentLoss", 512, "PML", 50),
    ("LiftedStructLoss", 512, "PML", 50),
)
_TEXT = """\
Best time of a value and its gradient, and the memory that the step added to the process at its
highest, for 64-d embeddings of length 1. TensorFlow and JAX are compiled (XLA); PyTorch is not, as
Keras leaves it by default. PML is pytorch-metric-learning; "TFA" is a reference with TensorFlow
Addons' published (batch, batch, batch) form. Every backend and peer ran in a process of its own; a
cell over {seconds:g} s or {gigabytes:g} GB was cut, and larger batches of it were not tried; a
peer's cell that a wanted figure needs had {patient_seconds:g} s and {patient_gigabytes:g} GB.
Losses linear in the batch are measured at its ends; those on class proxies with `ProxyHead`, whose
proxies get a gradient too.

Memory of compiled steps is that of a pass of its own, whose allocators keep nothing: those of
oneDNN and of the C library make steps faster, and hide what they take.
Other work may have run beside this: read ratios. The first call, which compiles, is not counted.

Two classes make as many positives as negatives: the triplet losses then sort each row and look
places up in it, `SmoothAPLoss` and `PNPLoss` interpolate on a grid, and `AngularLoss` multiplies
in tiles.
{days}"""


class Results:
    """Cells by who, loss, size and classes."""

    def __init__(self, rows: list[Cell]) -> None:
        self.cells = {(r["who"], r["loss"], r["size"], r["classes"]): r for r in rows}
        self.sizes = sorted({r["size"] for r in rows if r["loss"] != STEP})

    def get(
        self, who: str, loss: str, size: int, key: str = "ms", classes: int | None = None
    ) -> float | None:
        """A number, or None where there is none."""
        return self.cells.get((who, loss, size, classes), {}).get(key)

    def at_least(
        self, who: str, loss: str, size: int, classes: int | None = None
    ) -> tuple[float | None, bool]:
        """Milliseconds, or those after which a cell was cut, and whether it was."""
        failed = str(self.cells.get((who, loss, size, classes), {}).get("failed", ""))
        if failed.startswith("over "):
            return 1e3 * float(failed.split()[1]), True
        return self.get(who, loss, size, classes=classes), False

    def losses(self, who: str, classes: int | None) -> list[str]:
        """Names in order, those measured with these classes."""
        found = {loss for w, loss, _, c in self.cells if w == who and c == classes}
        return sorted(found - {STEP}, key=lambda name: (name != MATRIX, name))


def floors(results: Results) -> list[report.Row]:
    """The figures that are wanted, where all that they need was measured."""
    rows: list[report.Row] = []
    get, semi = results.get, "TripletSemiHardLoss"
    for name, size, peer, goal in FASTER:
        mine, theirs, is_least = get("TensorFlow", name, size), *results.at_least(peer, name, size)
        if mine and theirs:
            what = f"{name}, batch {size}, beside {peer}{', cut: at least' * is_least}"
            rows.append(report.row(what, theirs / mine, "times as fast", goal))
    mine, theirs = (get(who, semi, 1024, "MB") for who in ("TensorFlow", "TFA, graph"))
    if mine and theirs:
        what = f"{semi}, batch 1024, extra memory beside TFA, graph"
        rows.append(report.row(what, theirs / mine, "times less", 20))
    for name in ("NTXentLoss", "LiftedStructLoss"):
        memory = get("TensorFlow", name, 512, "MB")
        if memory is not None:
            rows.append(report.row(f"{name}, batch 512", memory, "MB", 100, at_most=True))
    for who in OURS:
        rows += _of_backend(results, who)
    return rows


def _of_backend(results: Results, who: str) -> list[report.Row]:
    rows, largest = [], max(results.sizes)
    for classes, layout in ((None, "8 per class"), (2, "2 classes")):
        yardstick = results.get(who, MATRIX, largest)
        names = [name for name in results.losses(who, 2) if name != MATRIX]
        times = {name: results.at_least(who, name, largest, classes) for name in names}
        known = {name: value for name, (value, _) in times.items() if value}
        if yardstick and known:
            slow = sorted(known, key=lambda name: -known[name])
            over = [name for name in slow if known[name] > 10 * yardstick]
            for name in over or slow[:1]:
                what = (
                    name + ", cut: at least" * times[name][1] if over else f"slowest loss ({name})"
                )
                what = f"{who}, batch {largest}, {layout}: {what}"
                ratio = known[name] / yardstick
                rows.append(report.row(what, ratio, "distance matrices", 10, at_most=True))
            sizes = {n: results.get(who, n, largest, "MB", classes) or 0.0 for n in known}
            worst = max(sizes, key=lambda name: sizes[name])
            what = f"{who}, batch {largest}, {layout}: most memory ({worst})"
            rows.append(report.row(what, sizes[worst], "MB", 2048, at_most=True))
    step = results.get(who, STEP, 130, "ms", 10)
    part = results.get(who, STEP, 130, "loss_ms", 10)
    if step and part:
        what = f"{who}: semi-hard's share of the quickstart's step ({step:.0f} ms)"
        rows.append(report.row(what, 100 * part / step, "%", 5, at_most=True))
    return rows


def _cell(results: Results, who: str, loss: str, size: int, classes: int | None) -> str:
    cell = results.cells.get((who, loss, size, classes))
    if cell is None:
        return ""
    if "failed" in cell:
        return str(cell["failed"]).splitlines()[0].replace("|", "/")[:40]
    return f"{cell['ms']:.3g} ms, {cell['MB']:.0f} MB"


def tables(results: Results) -> str:
    """One table for each competitor and layout."""
    parts = []
    whos = list(dict.fromkeys(who for who, *_ in results.cells))
    for classes, layout in ((None, "8 per class"), (2, "2 classes")):
        for who in whos:
            names = results.losses(who, classes)
            if not names:
                continue
            lines = [f"## {who}, {layout}", ""]
            lines.append("| loss | " + " | ".join(f"batch {b}" for b in results.sizes) + " |")
            lines.append("| --- |" + " ---: |" * len(results.sizes))
            for name in names:
                cells = [_cell(results, who, name, size, classes) for size in results.sizes]
                lines.append(f"| {name} | " + " | ".join(cells) + " |")
            parts.append("\n".join(lines))
    return "\n\n".join(parts)


def plot(results: Results, path: Path) -> None:
    """Time and memory over the batch, a column for each backend, both axes logarithmic."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3, sharex=True, sharey="row")
    for column, who in enumerate(OURS):
        for row, (key, label) in enumerate((("ms", "milliseconds"), ("MB", "extra memory, MB"))):
            panel = axes[row][column]
            others = [n for n in results.losses(who, 2) if n not in SHOWN]
            for place, name in enumerate(others):
                style = {"color": "0.8", "linewidth": 1, "label": None if place else "other losses"}
                _line(panel, results, who, name, key, style)
            _line(
                panel,
                results,
                who,
                MATRIX,
                key,
                {"color": "black", "linewidth": 2.5, "label": f"{MATRIX} + gradient"},
            )
            for name, (color, marker) in SHOWN.items():
                style = {"color": color, "marker": marker, "label": name}
                _line(panel, results, who, name, key, style)
                style = {**style, "linestyle": ":", "label": f"{name}, PML"}
                _line(panel, results, "PML", name, key, style)
            panel.set(xscale="log", yscale="log")
            panel.set_xticks(results.sizes, [str(size) for size in results.sizes])
            panel.minorticks_off()
            panel.grid(alpha=0.25)
            if not row:
                panel.set_title(who)
            else:
                panel.set_xlabel("batch (8 per class)")
            if not column:
                panel.set_ylabel(label)
    handles = {}
    for panel in axes.flat:
        for handle, name in zip(*panel.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=5, fontsize=9
    )
    figure.savefig(path)


def _line(
    panel: Any, results: Results, who: str, name: str, key: str, style: dict[str, Any]
) -> None:
    points = [(size, results.get(who, name, size, key)) for size in results.sizes]
    known = [(size, value) for size, value in points if value]
    if known:
        panel.plot(*zip(*known, strict=True), markersize=5, **style)


def saved_rows(folder: Path) -> list[Cell]:
    """The cells of earlier runs."""
    path = folder / "losses.json"
    if not path.exists():
        return []
    saved = json.loads(path.read_text(encoding="utf-8"))
    return [{"date": saved["date"], **row} for row in saved["rows"]]


def _days(rows: list[Cell]) -> str:
    """Which losses were measured on which day, where it was not one day."""
    dates = sorted({row["date"] for row in rows})
    if len(dates) == 1:
        return ""
    parts = []
    for date in dates[1:]:
        names = sorted({r["loss"] for r in rows if r["date"] == date} - {MATRIX, STEP})
        parts.append(f"on {date} {', '.join(f'`{name}`' for name in names)}")
    return f"\nMeasured {'; '.join(parts)}; the others on {dates[0]}.\n"


def write(rows: list[Cell], flags: argparse.Namespace) -> None:
    """`losses.md`, `.json` and `.png` in the output folder; later rows replace earlier ones."""
    results, folder = Results(rows), flags.output
    rows = list(results.cells.values())
    wanted = floors(results)
    limits = ("seconds", "gigabytes", "patient_seconds", "patient_gigabytes")
    limited = {name: getattr(flags, name) for name in limits}
    folder.mkdir(parents=True, exist_ok=True)
    about = {**report.about("losses"), "limits": limited}
    content = json.dumps({**about, "wanted": wanted, "rows": rows}, indent=1)
    (folder / "losses.json").write_text(content + "\n", encoding="utf-8")
    parts = ["# Losses", _TEXT.format(**limited, days=_days(rows)), report.table(wanted)]
    parts += ["![Time and memory over the batch](losses.png)", tables(results)]
    (folder / "losses.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    plot(results, folder / "losses.png")
