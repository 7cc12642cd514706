"""What the builders on Fashion-MNIST share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from tfds_builders import sources
from tfds_builders.sources import ArraySource, Source

HOMEPAGE = "https://github.com/zalandoresearch/fashion-mnist"
VERSION = tfds.core.Version("2.0.0")
RELEASE_NOTES = {
    "2.0.0": "Images are stored once, beside the tuples; class splits; a config's name holds "
    "all its fields.",
    "1.0.0": "First release.",
}


class FashionSource:
    """Makes a builder read Fashion-MNIST, or the sample of it in the package."""

    VERSION = VERSION
    RELEASE_NOTES: ClassVar[dict[str, str]] = RELEASE_NOTES
    IMAGES_ONCE = True
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Optional: put Fashion-MNIST's four files here, and nothing is downloaded."
    )
    builder_config: Any
    dataset_info_from_configs: Any

    def _image_feature(self) -> Any:
        return tfds.features.Image(shape=(28, 28, 1))

    def _label_feature(self) -> Any:
        return tfds.features.ClassLabel(names=list(sources.CLASS_NAMES))

    def _open_sources(self, dl_manager: Any, splits: list[str] | None) -> dict[str, Source]:
        names = splits or ["train", "test"]
        if self.builder_config.sample:
            arrays = {name: sources.fashion_mnist_sample(name) for name in names}
        else:
            files = self._files(dl_manager)
            arrays = {name: sources.read_fashion_mnist(files, name) for name in names}
        return {
            name: ArraySource(images, labels, sources.CLASS_NAMES)
            for name, (images, labels) in arrays.items()
        }

    def _dataset_info(self, **kwargs: Any) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(homepage=HOMEPAGE, **kwargs)

    def _files(self, dl_manager: Any) -> Mapping[str, Path]:
        try:
            manual_dir = dl_manager.manual_dir
        except AssertionError:  # what TFDS raises where there is no such folder, or it is empty
            manual_dir = None
        return sources.fashion_mnist_files(manual_dir, dl_manager.download)


def configs(kind: Any) -> list[Any]:
    """The configs that ship with each of the datasets."""
    return [
        kind(description="All of Fashion-MNIST."),
        kind(description="The sample in the package.", sample=True),
        kind(description="T-shirt/top to Coat.", classes="seen"),
        kind(description="Sandal to Ankle boot.", classes="unseen"),
        kind(
            description="Trained on T-shirt/top to Coat, tested on Sandal to Ankle boot.",
            classes="zero_shot",
        ),
    ]
