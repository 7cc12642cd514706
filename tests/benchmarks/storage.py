"""How pairs of Fashion-MNIST are best stored: size, time to build, speed of shuffled reading.

    python -m tests.benchmarks.storage              # writes docs/benchmarks/storage.*
    python -m tests.benchmarks.storage --quick --output /tmp/storage

Layouts: both images in each record, as PNG, raw bytes or zlib; or ids alone in the records and
each image once beside them, as PNG, raw or zlib (what `fashion_pairs` does). Record files:
tfrecord and array_record. Reading is in batches of 256 in a shuffled order, decoded.
"""

import argparse
import io
import itertools
import json
import os
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import report
from tests.benchmarks.built import fashion
from tests.benchmarks.report import SECONDS, rate

ENCODINGS = ("png", "raw", "zlib")
FORMATS = ("tfrecord", "array_record")
BATCH = 256


def builder_class(where: str, encoding: str) -> Any:
    """A builder of pairs, with the images in the records or once."""
    import tensorflow_datasets as tfds

    import tfds_builders
    from tfds_builders.sources import ArraySource

    class StoredPairs(tfds_builders.PairsBuilder, skip_registration=True):  # type: ignore[call-arg]
        IMAGES_ONCE = where == "once"
        name = f"stored_{where}_{encoding}"

        def _image_feature(self) -> Any:
            return tfds.features.Image(shape=(28, 28, 1))

        def _label_feature(self) -> Any:
            return tfds.features.ClassLabel(num_classes=10)

        def _stored_image(self) -> Any:
            if where == "once" or encoding == "png":
                return super()._stored_image()
            kind = {"raw": "bytes", "zlib": "zlib"}[encoding]
            return tfds.features.Tensor(shape=(28, 28, 1), dtype=np.uint8, encoding=kind)

        def _open_sources(self, dl_manager: Any, splits: Any) -> Any:
            return {"train": ArraySource(*fashion("train"))}

    return StoredPairs


def table_bytes(encoding: str) -> int:
    """Bytes of the images once, with labels and ids."""
    images, labels = fashion("train")
    columns = labels.nbytes * 2
    if encoding == "raw":
        return int(images.nbytes) + columns
    if encoding == "png":
        return sum(len(png(image)) for image in images) + columns
    arrays = (images, labels, np.arange(len(labels)))
    return sum(len(zlib.compress(array.tobytes())) for array in arrays)


def png(image: Any) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image[..., 0]).save(buffer, "PNG")
    return buffer.getvalue()


def as_tf_data(builder: Any) -> Any:
    """Shuffled as users do: files, and a window of examples."""
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(try_autocache=False)
    dataset = builder.as_dataset(split="train", read_config=config, shuffle_files=True)
    batches = dataset.shuffle(1000).repeat().batch(BATCH).prefetch(2)
    return batches.as_numpy_iterator()


def as_data_source(builder: Any) -> Any:
    """Fully shuffled, by random access."""
    source = builder.as_data_source(split="train")
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(len(source))
        for first in range(0, len(order) - BATCH, BATCH):
            rows = source.__getitems__(order[first : first + BATCH].tolist())
            yield {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def measure(where: str, encoding: str, file_format: str) -> list[report.Row]:
    """Size and speeds of one layout."""
    import tensorflow  # noqa: F401 - writing needs it: not a part of the time to build

    with tempfile.TemporaryDirectory() as folder:
        builder = builder_class(where, encoding)(data_dir=folder, file_format=file_format)
        start = time.perf_counter()
        builder.download_and_prepare()
        seconds = time.perf_counter() - start
        files = {path.name: path.stat().st_size for path in Path(builder.data_path).iterdir()}
        size = sum(files.values())
        if where == "once":
            size += table_bytes(encoding) - files["images.npz"]
        read = as_tf_data if file_format == "tfrecord" else as_data_source
        start = time.perf_counter()
        batches = read(builder)
        next(batches)
        opened = time.perf_counter() - start
        speed = rate(batches, BATCH, SECONDS)
    found = {
        "images": where,
        "encoding": encoding,
        "files": file_format,
        "MiB": round(size / 2**20, 2),
        "build_s": round(seconds, 2),
        "first_batch_s": round(opened, 2),
        "pairs_per_s": round(speed),
    }
    return [found]


def table(rows: list[report.Row]) -> str:
    lines = [
        "| images | as | records in | MiB | built in s | first batch after s | pairs/s |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for one in rows:
        where = {"once": "once, ids in the records", "record": "in each record"}[one["images"]]
        lines.append(
            f"| {where} | {one['encoding']} | {one['files']} | {one['MiB']:.1f} | "
            f"{one['build_s']:.1f} | {one['first_batch_s']:.1f} | {one['pairs_per_s']:,} |"
        )
    return "\n".join(lines)


def plot(rows: list[report.Row], path: Path) -> None:
    """Size against speed: small and fast is below and to the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for one in rows:
        color = "#0072B2" if one["images"] == "once" else "#D55E00"
        marker = "o" if one["files"] == "tfrecord" else "^"
        axes.scatter(one["pairs_per_s"], one["MiB"], color=color, marker=marker, s=50)
        axes.annotate(
            one["encoding"],
            (one["pairs_per_s"], one["MiB"]),
            textcoords="offset points",
            xytext=(6, 4),
            fontsize=8,
        )
    for label, color, marker in (
        ("once, tfrecord", "#0072B2", "o"),
        ("once, array_record", "#0072B2", "^"),
        ("in each record, tfrecord", "#D55E00", "o"),
        ("in each record, array_record", "#D55E00", "^"),
    ):
        axes.scatter([], [], color=color, marker=marker, label=label)
    axes.set(xlabel="pairs read a second, shuffled", ylabel="MiB on disk", xlim=0, ylim=0)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", nargs="+", choices=("once", "record"))
    parser.add_argument("--encodings", nargs="+", choices=ENCODINGS, default=ENCODINGS)
    parser.add_argument("--files", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--quick", action="store_true", help="the sample")
    parser.add_argument("--output", type=Path, default=report.FOLDER)
    options = parser.parse_args()
    layouts = itertools.product(
        options.images or ("record", "once"), options.encodings, options.files
    )
    rows = []
    for layout in layouts:
        environment = {"BENCHMARKS": "quick"} if options.quick else {}
        try:
            rows += report.run_apart("tests.benchmarks.storage", "measure", environment, layout)
        except RuntimeError as error:
            print(*layout, f"failed: {error}", flush=True)
            continue
        print(*layout, rows[-1], flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    content = json.dumps({**report.about("storage"), "rows": rows}, indent=1)
    (options.output / "storage.json").write_text(content + "\n", encoding="utf-8")
    page = (
        "# How pairs are stored\n\nWritten by `python -m tests.benchmarks.storage`: the "
        f"{'sample' if options.quick else '60,000 training images'} of Fashion-MNIST as pairs, "
        f"read shuffled in batches of {BATCH}, on {report.machine()['cores']} cores (load over "
        f"the last minute, at the end: {os.getloadavg()[0]:.1f}).\n\n{table(rows)}\n\n"
        "![Size against speed](storage.png)\n"
    )
    (options.output / "storage.md").write_text(page, encoding="utf-8")
    plot(rows, options.output / "storage.png")


if __name__ == "__main__":
    main()
