"""`fashion_pairs` built and read, and tensorflow-similarity's sampler on the same images."""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.report import QUICK, Row, rate, row

CONFIG = "sample" if QUICK else "full"
# 1.1 times ids in tfrecord and images once in zlib, the smallest of the layouts.
SIZE = 1.1 * (3.8 + 29)


def fashion(split: str) -> Any:
    from tfds_builders import sources

    if QUICK:
        return sources.fashion_mnist_sample(split)
    return sources.read_fashion_mnist(sources.fashion_mnist_files(), split)


def plain(folder: str) -> Any:
    """The builder of Fashion-MNIST as TFDS itself stores it, from a local copy."""
    import tensorflow_datasets as tfds

    class PlainFashion(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self) -> Any:
            features = {
                "image": tfds.features.Image(shape=(28, 28, 1)),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                supervised_keys=("image", "label"),
            )

        def _split_generators(self, dl_manager: Any) -> Any:
            return {"train": self._generate_examples()}

        def _generate_examples(self) -> Any:
            for number, (image, label) in enumerate(zip(*fashion("train"), strict=True)):
                yield number, {"image": image, "label": label}

    builder = PlainFashion(data_dir=folder)
    builder.download_and_prepare()
    return builder


def built() -> list[Row]:
    """Time and size of building, and the speed of reading beside plain Fashion-MNIST."""
    import tensorflow_datasets as tfds

    import tfds_builders  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        one_by_one = plain(folder)  # what is loaded once does not count
        pairs = tfds.builder(f"fashion_pairs/{CONFIG}", data_dir=folder)
        start = time.perf_counter()
        pairs.download_and_prepare()
        seconds = time.perf_counter() - start
        number = pairs.info.splits["train"].num_examples
        size = sum(path.stat().st_size for path in Path(pairs.data_path).rglob("*")) / 2**20
        config = tfds.ReadConfig(try_autocache=False)

        def speed(builder: Any, images: int) -> float:
            dataset = builder.as_dataset(split="train", read_config=config, shuffle_files=True)
            batches = dataset.repeat().batch(256).prefetch(2).as_numpy_iterator()
            return rate(batches, 256 * images)

        # In turns, so that both meet the same machine.
        speeds = [(speed(pairs, 2), speed(one_by_one, 1)) for _ in range(3)]
        ours, theirs = (statistics.median(column) for column in zip(*speeds, strict=True))
    return [
        row(f"fashion_pairs of {number:,} pairs, built", seconds, "s", 20, at_most=True),
        row("fashion_pairs, size on disk", size, "MiB", SIZE, at_most=True),
        row("fashion_mnist, plain, batch 256", theirs, "images/s"),
        row("fashion_pairs, batch 256", ours, "images/s", theirs),
    ]


def peer() -> list[Row]:
    """From prepared TFDS files to the last batch of an epoch, 16 x 4."""
    folder = tempfile.mkdtemp()
    os.environ["TFDS_DATA_DIR"] = folder  # where the peer's tfds.load looks
    builder = plain(folder)
    classes, each, steps = 10, 6, 20 if QUICK else 1000
    start = time.perf_counter()
    from tensorflow_similarity.samplers import TFDatasetMultiShotMemorySampler

    imported = time.perf_counter() - start
    start = time.perf_counter()
    sampler = TFDatasetMultiShotMemorySampler(
        "plain_fashion",
        classes_per_batch=classes,
        examples_per_class_per_batch=each,
        splits="train",
        steps_per_epoch=steps,
    )
    for step in range(steps):
        sampler[step]
    theirs = steps * classes * each / (time.perf_counter() - start)

    from tfds_builders import streams

    start = time.perf_counter()
    stream = streams.balanced(builder, classes, each)
    for step in range(steps):
        stream.batch(step)
    ours = steps * classes * each / (time.perf_counter() - start)
    what = f"{classes} x {each}, {steps} batches from TFDS files, opening included"
    return [
        row("tensorflow-similarity, import", imported, "s"),
        row(f"tensorflow-similarity's sampler, {what}", theirs, "images/s"),
        row(f"balanced stream, {what}", ours, "images/s", 5 * theirs),
    ]
