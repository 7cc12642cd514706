"""Builders of class-balanced batches."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfds_builders import sampling
from tfds_builders.builders._balanced_config import BalancedConfig
from tfds_builders.builders._tuple_builder import TupleBuilder
from tfds_builders.builders._tuple_maker import Members


class BalancedBuilder(
    TupleBuilder,
    skip_registration=True,  # type: ignore[call-arg, unused-ignore]
):
    """The images of any labelled TFDS dataset, in an order of class-balanced batches.

    As `PairsBuilder`, with the features `image`, `label` and `id`; `as_supervised=True` gives
    `(image, label)`. Every `batch(P * K)`, read in the stored order, holds P classes with K
    images each. Each split has P of its own where it has fewer classes than P; see
    `BalancedConfig`. The stored order must be kept: shuffle whole batches, not images.

    Attributes:
        CLASSES_PER_BATCH: P, where a config does not say.
        EXAMPLES_PER_CLASS: K, where a config does not say.

    Raises:
        ValueError: The keys of image and label cannot be told, a config's P is greater than
            the number of classes, or the dataset is read with `shuffle_files=True`.
    """

    CLASSES_PER_BATCH: ClassVar[int] = 16
    EXAMPLES_PER_CLASS: ClassVar[int] = 4
    BUILDER_CONFIGS: ClassVar[list[Any]] = [
        BalancedConfig(description="Every class."),
        BalancedConfig(classes="seen", description="The first half of the classes."),
        BalancedConfig(classes="unseen", description="The second half of the classes."),
        BalancedConfig(
            classes="zero_shot", description="Trained on seen, tested on unseen classes."
        ),
    ]
    _ORDERED = True

    def _members(self) -> Members:
        return Members([("image", "label", "id")])

    def _supervised_keys(self) -> Any:
        return "image", "label"

    def _sampler(self, labels: Any) -> tuple[Any, int]:
        config = self.builder_config
        most = min(self.CLASSES_PER_BATCH, len(np.unique(labels)))
        sampler = sampling.BalancedSampler(
            labels,
            config.classes_per_batch or most,
            config.examples_per_class or self.EXAMPLES_PER_CLASS,
            seed=config.seed,
            strict=config.strict,
        )
        rows = _InOrder(sampler)
        return rows, (config.num_batches or len(sampler)) * rows.batch_size


class _InOrder:
    """The images of batches one after the other, as tuples of one."""

    def __init__(self, sampler: sampling.BalancedSampler) -> None:
        self.sampler = sampler
        self.batch_size = sampler.classes_per_batch * sampler.examples_per_class

    def take(self, start: int, stop: int) -> NDArray[np.int64]:
        """Positions of shape `(stop - start, 1)`."""
        first, last = start // self.batch_size, -(-stop // self.batch_size)
        batches = np.concatenate([self.sampler.batch(step) for step in range(first, last)])
        begin = start - first * self.batch_size
        return batches[begin : begin + stop - start, np.newaxis]
