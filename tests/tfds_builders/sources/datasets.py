"""Small TFDS datasets of every way to store images, built where a test wants them."""

import numpy as np
import tensorflow_datasets as tfds

import tfds_builders
from tfds_builders.sources import ArraySource

SIZES = {"train": 61, "test": 23}
FEATURES = {
    "png": lambda: tfds.features.Image(shape=(6, 5, 3)),
    "gray": lambda: tfds.features.Image(shape=(6, 5, 1)),
    "bytes": lambda: tfds.features.Tensor(shape=(6, 5, 3), dtype=np.uint8, encoding="bytes"),
    "zlib": lambda: tfds.features.Tensor(shape=(6, 5, 3), dtype=np.uint8, encoding="zlib"),
    "integers": lambda: tfds.features.Tensor(shape=(6, 5, 3), dtype=np.uint8),
    "various": lambda: tfds.features.Image(shape=(None, None, 3)),
}


def shape_of(kind, number):
    if kind == "various":
        return (6 + number % 3, 5, 3)
    return (6, 5, 1 if kind == "gray" else 3)


class Dummy(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Noise with labels; `number` tells one image from another."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=kind) for kind in FEATURES]  # noqa: RUF012
    SUPERVISED = None

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "picture": FEATURES[self.builder_config.name](),
                    "number": np.int64,
                    "group": {"kind": tfds.features.ClassLabel(names=["a", "b", "c", "d"])},
                    "word": tfds.features.Text(),
                    "maybe": np.int64,
                }
            ),
            supervised_keys=self.SUPERVISED,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in SIZES}

    def _generate_examples(self, split):
        rng = np.random.default_rng(len(split))
        for number in range(SIZES[split]):
            shape = shape_of(self.builder_config.name, number)
            yield (
                number,
                {
                    "picture": rng.integers(0, 256, shape, np.uint8),
                    "number": number,
                    "group": {"kind": number % 4},
                    "word": f"word {number % 5}",
                    "maybe": number % 3 - 1,
                },
            )


class Supervised(Dummy, skip_registration=True):
    """Keys that are not those one would guess."""

    SUPERVISED = ("picture", "number")


class DummyPairs(tfds_builders.PairsBuilder, skip_registration=True):
    """Pairs of images that are no TFDS dataset; they stand in the records."""

    def _image_feature(self):
        return tfds.features.Image(shape=(6, 5, 3))

    def _label_feature(self):
        return tfds.features.ClassLabel(num_classes=4)

    def _open_sources(self, dl_manager, splits):
        images = np.random.default_rng(0).integers(0, 256, (20, 6, 5, 3), np.uint8)
        return {split: ArraySource(images, np.arange(20) % 4) for split in splits or ["train"]}


def build(folder, kind="png", file_format="tfrecord", shards=1):
    """The prepared builder."""
    builder = Dummy(data_dir=str(folder), config=kind, file_format=file_format)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(num_shards=shards),
    )
    return builder


def in_file_order(builder, split):
    """All examples of a split as TFDS itself reads them, in the order of the files."""
    if builder.info.file_format.value == "array_record":
        return list(builder.as_data_source(split))
    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    dataset = builder.as_dataset(split=split, read_config=config)
    return list(dataset.as_numpy_iterator())
