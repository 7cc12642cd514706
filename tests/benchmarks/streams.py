"""The streams: images or tuples a second, and memory on data larger than it may use."""

import os
import statistics
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.report import QUICK, SECONDS, Row, rate, row

CLASSES, IMAGES = (100, 6_000) if QUICK else (1000, 60_000)
LOGICAL_BYTES = 10**9 if QUICK else 20 * 10**9
MEMORY = 2 * 10**9


def endless(stream: Any) -> Iterator[Any]:
    while True:
        yield from stream


def tf_rate(dataset: Any, per_batch: int) -> float:
    """Examples a second that a pipeline gives to a consumer in a graph, as a compiled step is.

    A loop in Python takes 0.1 to 0.3 ms for each element, even of a constant dataset.
    """
    endless = dataset.repeat()
    count, seconds = 50, 0.0
    while seconds < SECONDS:
        count *= 3
        some = endless.take(count)
        start = time.perf_counter()
        some.reduce(np.int64(0), lambda total, _: total + 1)
        seconds = time.perf_counter() - start
    return count * per_batch / seconds


def arrays() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, 28, 28, 1), np.uint8)
    return images, np.arange(IMAGES) % CLASSES


def in_memory() -> list[Row]:
    """Images in memory and memory-mapped."""
    from tfds_builders import streams

    images, labels = arrays()
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/images.npy", images)
        mapped = np.load(f"{folder}/images.npy", mmap_mode="r")
        rows = []
        for name, data in (("in memory", (images, labels)), ("memory-mapped", (mapped, labels))):
            balanced = streams.balanced(data, 16, 4)
            what = f"balanced 16 x 4, {name}"
            rows.append(row(f"{what}, numpy", rate(endless(balanced), 64), "images/s", 5e5))
            dataset = balanced.at(0).as_tf_dataset()
            rows.append(row(f"{what}, tf.data", tf_rate(dataset, 64), "images/s", 3e5))
            rows.append(row(f"{what}, grain", rate(iter(balanced.as_grain()), 64), "images/s"))
            keras_data = balanced.as_py_dataset()
            items = (keras_data[i % len(keras_data)] for i in range(10**9))
            rows.append(row(f"{what}, PyDataset", rate(items, 64), "images/s"))
            for kind in ("pairs", "triplets"):
                stream = getattr(streams, kind)(data, 256, drop_remainder=True)
                what_kind = f"{kind}, {name}, numpy"
                rows.append(row(what_kind, rate(endless(stream), 256), "tuples/s", 5e5))
    return rows


def prepared() -> list[Row]:
    """Ordinary prepared TFDS files, read at random."""
    import tensorflow_datasets as tfds

    from tfds_builders import streams

    images, labels = arrays()

    class Digits(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
        VERSION = tfds.core.Version("1.0.0")
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=n) for n in ("png", "bytes", "zlib")]  # noqa: RUF012

        def _info(self) -> Any:
            image = {"shape": (28, 28, 1), "dtype": np.uint8}
            name = self.builder_config.name
            feature = tfds.features.Image(shape=(28, 28, 1))
            if name != "png":
                feature = tfds.features.Tensor(**image, encoding=name)
            features = {"image": feature, "label": np.int64}
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                supervised_keys=("image", "label"),
            )

        def _split_generators(self, dl_manager: Any) -> Any:
            return {"train": self._generate_examples()}

        def _generate_examples(self) -> Any:
            from tfds_builders import sources

            # Real images where they are at hand: noise is larger and slower to decode.
            found = sources.find_fashion_mnist()
            real = images
            if found is not None:
                real, _ = sources.read_fashion_mnist(sources.fashion_mnist_files(), "train")
            for number, label in enumerate(labels.tolist()):
                yield number, {"image": real[number], "label": label}

    goals = {("bytes", "tfrecord"): 2e5, ("png", "tfrecord"): 3e4}
    rows = []
    for name, file_format in (
        ("bytes", "tfrecord"),
        ("png", "tfrecord"),
        ("zlib", "tfrecord"),
        ("bytes", "array_record"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            builder = Digits(data_dir=folder, config=name, file_format=file_format)
            builder.download_and_prepare()
            start = time.perf_counter()
            stream = streams.balanced(builder, 16, 4)
            what = f"balanced 16 x 4, {file_format}, {name}"
            rows.append(row(f"{what}, opened first", time.perf_counter() - start, "s"))
            start = time.perf_counter()
            stream = streams.balanced(builder, 16, 4)
            rows.append(row(f"{what}, opened again", time.perf_counter() - start, "s"))
            goal = goals.get((name, file_format))
            rows.append(row(what, rate(endless(stream), 64), "images/s", goal))
    return rows


def photographs(count: int = 100 if QUICK else 600) -> list[Row]:
    """JPEGs of 500 x 375 brought to 224, against tf.data that decodes without sampling."""
    import tensorflow as tf
    from PIL import Image

    from tfds_builders import streams

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            small = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
            place = Path(folder) / f"{number % 20:02}"
            place.mkdir(exist_ok=True)
            image = small.resize((500, 375), Image.Resampling.BICUBIC)
            noise = rng.normal(0, 8, (375, 500, 3))
            pixels = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{number}.jpeg", quality=85)

        def load(path: Any) -> Any:
            image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
            return tf.cast(tf.image.resize(image, (224, 224)), tf.uint8)

        files = sorted(str(path) for path in Path(folder).rglob("*.jpeg"))
        plain = tf.data.Dataset.from_tensor_slices(files).repeat()
        plain = plain.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(64).prefetch(2)
        base = tf_rate(plain, 64)
        stream = streams.balanced(folder, 16, 4, resize=(224, 224))
        numpy_rate = rate(endless(stream), 64)
        streamed = tf_rate(stream.at(0).as_tf_dataset(), 64)
    return [
        row("JPEG to 224, unsampled tf.data", base, "images/s"),
        row("JPEG to 224, balanced, numpy", numpy_rate, "images/s", 0.8 * base),
        row("JPEG to 224, balanced, tf.data", streamed, "images/s", 0.8 * base),
    ]


def write_sparse_tfrecord(folder: Path, count: int, side: int, classes: int) -> Path:
    """A prepared dataset whose images are holes in the file: large in name, small on disk.

    The images' checksums are wrong, as those of the holes are not computed; lengths are right.
    """
    import tensorflow_datasets as tfds

    from tfds_builders.sources._crc32c import masked_crc32c

    feature = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Tensor(shape=(side, side, 3), dtype=np.uint8, encoding="bytes"),
            "label": np.int64,
        }
    )

    def crc(data: bytes) -> bytes:
        array = np.frombuffer(data, np.uint8)
        value = masked_crc32c(array, np.array([0]), np.array([len(data)]))
        return struct.pack("<I", int(value[0]))

    size = side * side * 3
    path = folder / "sparse-train.tfrecord-00000-of-00001"
    with path.open("wb") as file:
        for number in range(count):
            head, tail = _split_example(number % classes, size)
            length = struct.pack("<Q", len(head) + size + len(tail))
            file.write(length + crc(length) + head)
            file.seek(size, os.SEEK_CUR)
            file.write(tail + b"\0\0\0\0")
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=feature,
        split_infos=[
            tfds.core.SplitInfo(
                name="train",
                shard_lengths=[count],
                num_bytes=path.stat().st_size,
                filename_template=tfds.core.ShardedFileTemplate(
                    folder, dataset_name="sparse", split="train", filetype_suffix="tfrecord"
                ),
            )
        ],
        supervised_keys=("image", "label"),
        check_data=False,
    )
    return folder


def _split_example(label: int, size: int) -> tuple[bytes, bytes]:
    """A serialized Example before and after the pixels."""

    def varint(value: int) -> bytes:
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes([*out, value])

    def message(tag: int, content: int) -> bytes:
        return bytes([tag]) + varint(content)

    integer = varint(label)
    label_list = message(0x0A, len(integer)) + integer
    label_value = message(0x1A, len(label_list)) + label_list
    label_entry = b"\x0a\x05label" + message(0x12, len(label_value)) + label_value
    tail = message(0x0A, len(label_entry)) + label_entry
    first = message(0x0A, size)
    value = message(0x0A, len(first) + size) + first
    entry = b"\x0a\x05image" + message(0x12, len(value) + size) + value
    head = message(0x0A, len(entry) + size) + entry
    return message(0x0A, len(head) + size + len(tail)) + head, tail


def larger_than_memory(kind: str, side: int = 224) -> list[Row]:
    """P x K batches of data of 20 GB in a process that may allocate 2 GB."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    from tfds_builders import sources, streams

    size = side * side * 3
    count = LOGICAL_BYTES // size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        if kind == "memmap":
            (folder / "images").touch()
            os.truncate(folder / "images", count * size)
            images = np.memmap(folder / "images", np.uint8, "r", shape=(count, side, side, 3))
            source: Any = sources.ArraySource(images, np.arange(count) % CLASSES)
        else:
            source = sources.TfdsSource(write_sparse_tfrecord(folder, count, side, CLASSES))
        opened = time.perf_counter() - start
        stream = streams.balanced(source, 16, 4)
        # One epoch and more: every image is read at least once.
        start = time.perf_counter()
        steps = len(stream) * (1 if QUICK else 2)
        for step in range(steps):
            stream.batch(step)
        speed = 64 * steps / (time.perf_counter() - start)
        logical = sum(f.stat().st_size for f in folder.iterdir()) / 1e9
        disk = sum(f.stat().st_blocks * 512 for f in folder.iterdir()) / 1e9
    what = f"{LOGICAL_BYTES / 1e9:.0f} GB, {kind}"
    return [
        row(f"{what}: logical size", logical, "GB"),
        row(f"{what}: size on disk", disk, "GB"),
        row(f"{what}: made and opened", opened, "s"),
        row(f"{what}: balanced 16 x 4 of {side} x {side} x 3", speed, "images/s"),
        row(f"{what}: read in all", 64 * steps * size / 1e9, "GB"),
        row(f"{what}: peak memory", peak_memory(), "GB", MEMORY / 1e9, at_most=True),
    ]


def memory_mapped() -> list[Row]:
    return larger_than_memory("memmap")


def memory_tfrecord() -> list[Row]:
    return larger_than_memory("tfrecord")


def peak_memory() -> float:
    """The largest resident size of this process so far, in GB."""
    status = Path("/proc/self/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e9


def data_wait(steps: int = 20 if QUICK else 100) -> list[Row]:
    """The share of a training step of the quickstart's network that is spent on data."""
    import keras

    from keras_metric import losses, models
    from tfds_builders import streams

    images, labels = arrays()
    stream = streams.balanced((images, labels % 10), 10, 13)
    backend = keras.backend.backend()
    rows = []
    for output in ("tf", "grain", "keras"):
        model = models.embedding_network(models.small_cnn(), 64)
        model.compile(keras.optimizers.Adam(1e-3), loss=losses.TripletSemiHardLoss(margin=0.2))
        name = {"tf": "as_tf_dataset", "grain": "as_grain", "keras": "as_py_dataset"}[output]
        data = getattr(stream.at(0), name)()
        model.fit(data, steps_per_epoch=3, verbose=0, shuffle=False)
        start = time.perf_counter()
        model.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False)
        step = (time.perf_counter() - start) / steps
        if output == "keras":
            batches: Iterator[Any] = (data[i % len(data)] for i in range(10**9))
        else:
            batches = iter(data.repeat() if output == "tf" else data)
        wait = 130 / statistics.median(rate(batches, 130, 0.5) for _ in range(3))
        what = f"fit on {backend} from {name}"
        rows.append(row(f"{what}: a step", 1e3 * step, "ms"))
        share = 100 * wait / step
        rows.append(row(f"{what}: data of a step", share, "% of it", 5, at_most=True))
    return rows
