"""Rows of benchmarks: run apart from each other, judged, shown as a table and a plot."""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]
QUICK = os.environ.get("BENCHMARKS") == "quick"
SECONDS = 0.5 if QUICK else 3.0
PACKAGES = (
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "tensorflow-datasets",
    "tensorflow-similarity",
    "faiss-cpu",
    "pytorch-metric-learning",
    "numpy",
)
FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"
_BLUE, _ORANGE = "#0072B2", "#D55E00"  # told apart by the colour-blind


def row(
    what: str, value: float, unit: str, goal: float | None = None, *, at_most: bool = False
) -> Row:
    """One figure; `goal` is the least it should be, or the most."""
    value = float(f"{value:.4g}")
    return {"what": what, "value": value, "unit": unit, "goal": goal, "at_most": at_most}


def is_met(one: Row) -> bool | None:
    """Whether a figure is as it should be; None where nothing is wanted."""
    if one["goal"] is None:
        return None
    return bool(one["value"] <= one["goal"] if one["at_most"] else one["value"] >= one["goal"])


def rate(batches: Iterator[Any], per_batch: int, seconds: float | None = None) -> float:
    """Examples a second, after three batches to warm up."""
    seconds = SECONDS if seconds is None else seconds
    for _ in range(3):
        next(batches)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        next(batches)
        count += 1
    return count * per_batch / (time.perf_counter() - start)


def run_apart(
    module: str, name: str, environment: dict[str, str], arguments: tuple[str, ...] = ()
) -> list[Row]:
    """The rows that `module`'s function `name` returns, in a process of its own.

    Raises:
        RuntimeError: It failed; the message is the last line of what it wrote.
    """
    call = "print('\\n' + json.dumps(f(*sys.argv[1:])))"
    code = f"import json, sys; from {module} import {name} as f; {call}"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [str(done.returncode)])[-1])
    return list(json.loads(done.stdout.strip().splitlines()[-1]))


def run(name: str, title: str, doc: str, groups: dict[str, tuple[str, str, dict[str, str]]]) -> int:
    """The command line of a benchmark: runs groups of rows, each in a process of its own.

    Args:
        name: Of its module, and of the files that it writes.
        title: Heading of the page.
        doc: Help.
        groups: Module, function and environment of each group of rows.

    Returns:
        The exit status: 1 if a group failed.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(groups), default=list(groups))
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args()
    environment = {"BENCHMARKS": "quick"} if options.quick else {}
    saved = options.output / f"{name}.json"
    found: dict[str, list[Row]] = {}
    if saved.exists():
        for one in json.loads(saved.read_text())["rows"]:
            found.setdefault(one["group"], []).append(one)
    failed = 0
    for number, group in enumerate(options.only, 1):
        module, function, own = groups[group]
        start = time.perf_counter()
        try:
            rows = run_apart(module, function, {**environment, **own})
            found[group] = [{"group": group, **one} for one in rows]
        except RuntimeError as error:
            failed += 1
            print(f"[{number}/{len(options.only)}] {group} failed: {error}", flush=True)
            continue
        seconds = time.perf_counter() - start
        print(f"[{number}/{len(options.only)}] {group}, {seconds:.0f} s", flush=True)
        for one in found[group]:
            sign = {None: "", True: "  ok", False: "  MISSED"}[is_met(one)]
            print(f"  {one['what']:70s} {one['value']:14,.4g} {one['unit']}{sign}", flush=True)
    rows = [one for group in groups for one in found.get(group, [])]
    text = (
        f"Written by `python -m tests.benchmarks.{name}`, each group of rows in a process of its "
        f"own, on {machine()['cores']} cores (load over the last minute, at the end: "
        f"{os.getloadavg()[0]:.1f})."
    )
    if rows:
        write(name, title, text, rows, options.output)
    return int(failed > 0)


def about(name: str) -> dict[str, Any]:
    """How, when and on what a benchmark's figures were taken."""
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "command": f"python -m tests.benchmarks.{name}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions,
    }


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
        "quick": QUICK,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def table(rows: list[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| what | measured | wanted | |", "| --- | ---: | ---: | --- |"]
    for one in rows:
        wanted = ""
        if one["goal"] is not None:
            wanted = f"{'<' if one['at_most'] else '≥'} {_number(one['goal'])} {one['unit']}"
        met = {None: "", True: "yes", False: "**no**"}[is_met(one)]
        lines.append(
            f"| {one['what']} | {_number(one['value'])} {one['unit']} | {wanted} | {met} |"
        )
    return "\n".join(lines)


def plot(rows: list[Row], path: Path) -> None:
    """How many times as fast as a peer, and rates, as bars, with what is wanted as marks."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    times = [one for one in rows if one["unit"] == "x"]
    rates = [one for one in rows if one["unit"].endswith("/s")]
    panels = [
        (some, label, scale)
        for some, label, scale in (
            (times, "times as fast as the peer (black: wanted)", "linear"),
            (rates, "a second (black: wanted)", "log"),
        )
        if some
    ]
    sizes = [len(some) + 1.5 for some, _, _ in panels]
    figure = Figure(figsize=(9, 0.36 * sum(sizes) + 0.5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    many = figure.subplots(len(panels), squeeze=False, height_ratios=sizes)[:, 0]
    for axes, (some, label, scale) in zip(many, panels, strict=True):
        _bars(axes, some, scale)
        axes.set_xlabel(label)
    figure.savefig(path)


def _bars(axes: Any, rows: list[Row], scale: str) -> None:
    whats = [one["what"].removesuffix(": times as fast") for one in rows]
    names = [textwrap.fill(what, 50, break_on_hyphens=False) for what in whats]
    values = [one["value"] for one in rows]
    colors = [_ORANGE if is_met(one) is False else _BLUE for one in rows]
    bars = axes.barh(names, values, color=colors, height=0.6)
    units = ["" if one["unit"] == "x" else f" {one['unit']}" for one in rows]
    labels = [_number(value) + unit for value, unit in zip(values, units, strict=True)]
    axes.bar_label(bars, labels, padding=4, fontsize=8)
    for place, one in enumerate(rows):
        if one["goal"] is not None:
            axes.plot([one["goal"]] * 2, [place - 0.45, place + 0.45], color="black", linewidth=2)
    axes.set_xscale(scale)
    if scale == "log":
        axes.set_xlim(min(values) / 5, 8 * max(values))
    else:
        axes.set_xlim(0, 1.15 * max(values))
    axes.tick_params(axis="y", labelsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)  # from the top
    axes.spines[["top", "right"]].set_visible(False)


def write(name: str, title: str, text: str, rows: list[Row], folder: Path) -> None:
    """`name.json`, `name.md` and `name.png` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps({**about(name), "rows": rows}, indent=1)
    (folder / f"{name}.json").write_text(content + "\n", encoding="utf-8")
    page = f"# {title}\n\n{text}\n\n{table(rows)}\n\n![Rates]({name}.png)\n"
    (folder / f"{name}.md").write_text(page, encoding="utf-8")
    plot(rows, folder / f"{name}.png")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
