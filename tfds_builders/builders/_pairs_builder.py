"""Builders of pairs."""

from typing import Any, ClassVar

import numpy as np

from tfds_builders import sampling
from tfds_builders.builders._pairs_config import PairsConfig
from tfds_builders.builders._tuple_builder import TupleBuilder
from tfds_builders.builders._tuple_maker import Members


class PairsBuilder(
    TupleBuilder,
    skip_registration=True,  # type: ignore[call-arg, unused-ignore]
):
    """Pairs of the images of any labelled TFDS dataset: of one class, or of two?

    A subclass that names its `SOURCE` is a TFDS dataset of its own, known by its name in
    snake case:

        class Cifar10Pairs(tfds_builders.PairsBuilder):
            SOURCE = "cifar10"

        pairs = tfds.load("cifar10_pairs", split="train", as_supervised=True)

    Features: `image_a`, `image_b`, `label_a`, `label_b`, `same` (1 or 0) and `id_a`, `id_b`,
    positions in the source's split. `as_supervised=True` gives `((image_a, image_b), same)`.
    See `PairsConfig` for what can be chosen: `tfds.builder("cifar10_pairs",
    config=PairsConfig(num_pairs=1000))`.

    Where the source is not a TFDS dataset, override `_image_feature`, `_label_feature` and
    `_open_sources`.

    Raises:
        ValueError: The keys of image and label cannot be told, or a split has one class only.
    """

    BUILDER_CONFIGS: ClassVar[list[Any]] = [
        PairsConfig(description="Every class."),
        PairsConfig(classes="seen", description="The first half of the classes."),
        PairsConfig(classes="unseen", description="The second half of the classes."),
        PairsConfig(classes="zero_shot", description="Trained on seen, tested on unseen classes."),
    ]

    def _members(self) -> Members:
        return Members(
            [("image_a", "label_a", "id_a"), ("image_b", "label_b", "id_b")], same="same"
        )

    def _supervised_keys(self) -> Any:
        return ("image_a", "image_b"), "same"

    def _sampler(self, labels: Any) -> tuple[Any, int]:
        config = self.builder_config
        sampler = sampling.PairSampler(
            np.asarray(labels), positive_fraction=config.positive_fraction, seed=config.seed
        )
        return sampler, config.num_pairs or len(sampler)
