"""Triplets of images of Fashion-MNIST."""

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
    """One triplet for each image: with another of its class, and one of another class."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012
    BUILDER_CONFIGS = [  # noqa: RUF012
        FashionConfig(name="full", description="All of Fashion-MNIST."),
        FashionConfig(name="sample", description="The sample in the package.", sample=True),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self._dataset_info(
            {
                "anchor": image_feature(),
                "positive": image_feature(),
                "negative": image_feature(),
                "label_anchor": label_feature(),
                "label_positive": label_feature(),
                "label_negative": label_feature(),
                "id_anchor": np.int64,
                "id_positive": np.int64,
                "id_negative": np.int64,
            },
            supervised_keys=(("anchor", "positive", "negative"), "label_anchor"),
        )

    def _examples(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64]
    ) -> Iterator[dict[str, Any]]:
        sampler = sampling.TripletSampler(labels, seed=self.builder_config.seed)
        for triplet in sampler.take(0, len(sampler)).tolist():
            example: dict[str, Any] = {}
            for role, position in zip(("anchor", "positive", "negative"), triplet, strict=True):
                example[role] = images[position]
                example[f"label_{role}"] = labels[position]
                example[f"id_{role}"] = position
            yield example
