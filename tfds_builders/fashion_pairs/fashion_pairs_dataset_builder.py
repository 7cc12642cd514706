"""Pairs of images of Fashion-MNIST: the same kind of thing, or not?"""

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


class Builder(FashionBuilder):
    """One pair for each image: half with another of its class, half with one of another."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012
    BUILDER_CONFIGS = [  # noqa: RUF012
        FashionConfig(name="full", description="All of Fashion-MNIST."),
        FashionConfig(name="sample", description="The sample in the package.", sample=True),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self._dataset_info(
            {
                "image_a": image_feature(),
                "image_b": image_feature(),
                "label_a": label_feature(),
                "label_b": label_feature(),
                "same": np.int64,
                "id_a": np.int64,
                "id_b": np.int64,
            },
            supervised_keys=(("image_a", "image_b"), "same"),
        )

    def _examples(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64]
    ) -> Iterator[dict[str, Any]]:
        sampler = sampling.PairSampler(labels, seed=self.builder_config.seed)
        for a, b in sampler.take(0, len(sampler)).tolist():
            yield {
                "image_a": images[a],
                "image_b": images[b],
                "label_a": labels[a],
                "label_b": labels[b],
                "same": int(labels[a] == labels[b]),
                "id_a": a,
                "id_b": b,
            }
