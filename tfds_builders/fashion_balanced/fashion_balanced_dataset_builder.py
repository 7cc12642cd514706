"""Fashion-MNIST in an order of class-balanced batches."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from tfds_builders import sampling
from tfds_builders._fashion_builder import (
    FashionBuilder,
    FashionConfig,
    image_feature,
    label_feature,
)


@dataclasses.dataclass(kw_only=True)
class BalancedConfig(FashionConfig):
    """How the batches are made.

    Attributes:
        classes_per_batch: P, the classes in each batch.
        examples_per_class: K, the examples of each of them.
    """

    classes_per_batch: int = 10
    examples_per_class: int = 13


class Builder(FashionBuilder):
    """Every `batch(P * K)`, read in the stored order, holds P classes with K examples each.

    By default P = 10 and K = 13, so `batch(130)`. Every image comes at least once; a few come
    twice, because K does not divide the number of images of a class. The stored order must be
    kept: read without `shuffle_files=True` and shuffle whole batches, not images.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012
    BUILDER_CONFIGS = [  # noqa: RUF012
        BalancedConfig(name="full", description="All of Fashion-MNIST."),
        BalancedConfig(name="sample", description="The sample in the package.", sample=True),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self._dataset_info(
            {"image": image_feature(), "label": label_feature(), "id": np.int64},
            supervised_keys=("image", "label"),
            ordered=True,
        )

    def _examples(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64]
    ) -> Iterator[dict[str, Any]]:
        config = self.builder_config
        sampler = sampling.BalancedSampler(
            labels, config.classes_per_batch, config.examples_per_class, seed=config.seed
        )
        for step in range(len(sampler)):
            for position in sampler.batch(step).tolist():
                yield {"image": images[position], "label": labels[position], "id": position}
