"""What the builders on Fashion-MNIST share."""

import abc
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from tfds_builders import sources

DESCRIPTION = """
Images of clothing from Fashion-MNIST (Xiao et al., 2017), 28 x 28 pixels in grey, 10 classes.
The splits `train` (60,000 images) and `test` (10,000 images) share no image. The config `sample`
holds 100 training and 50 test images of each class and needs no download.
"""
HOMEPAGE = "https://github.com/zalandoresearch/fashion-mnist"


@dataclasses.dataclass(kw_only=True)
class FashionConfig(tfds.core.BuilderConfig):
    """How a dataset is made from Fashion-MNIST.

    Attributes:
        sample: Whether to use the sample that ships with the package.
        seed: Decides which examples go together.
    """

    sample: bool = False
    seed: int = 0


class FashionBuilder(
    tfds.core.GeneratorBasedBuilder,
    skip_registration=True,  # type: ignore[call-arg, unused-ignore]
):
    """Reads the source and writes what `_examples` yields; a subclass says what that is."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Optional: put Fashion-MNIST's four files here, and nothing is downloaded."
    )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        if self.builder_config.sample:
            splits = {name: sources.fashion_mnist_sample(name) for name in ("train", "test")}
        else:
            files = self._files(dl_manager)
            splits = {name: sources.read_fashion_mnist(files, name) for name in ("train", "test")}
        return {name: self._generate_examples(*arrays) for name, arrays in splits.items()}

    def _files(self, dl_manager: Any) -> Mapping[str, Path]:
        try:
            manual_dir = dl_manager.manual_dir
        except AssertionError:  # what TFDS raises where there is no such folder, or it is empty
            manual_dir = None
        return sources.fashion_mnist_files(manual_dir, dl_manager.download)

    def _generate_examples(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(self._examples(images, labels))

    @abc.abstractmethod
    def _examples(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64]
    ) -> Iterator[dict[str, Any]]:
        """One dict of features a record, in the order in which they are numbered."""

    def _dataset_info(
        self, features: dict[str, Any], supervised_keys: Any, ordered: bool = False
    ) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description=DESCRIPTION,
            homepage=HOMEPAGE,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=supervised_keys,
            disable_shuffling=ordered,
        )


def image_feature() -> Any:
    """A grey image of 28 x 28."""
    return tfds.features.Image(shape=(28, 28, 1))


def label_feature() -> Any:
    """One of the ten classes."""
    return tfds.features.ClassLabel(names=list(sources.CLASS_NAMES))
