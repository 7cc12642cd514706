"""Configs of datasets of class-balanced batches."""

import dataclasses

from tfds_builders.builders._config import TupleConfig, check_positive


@dataclasses.dataclass(kw_only=True, eq=False)
class BalancedConfig(TupleConfig):
    """How batches are made; see `TupleConfig` for what all configs have.

    Attributes:
        classes_per_batch: P, the classes in each batch. None: the builder's
            `CLASSES_PER_BATCH`, or all classes where there are fewer.
        examples_per_class: K, the examples of each of them. None: the builder's
            `EXAMPLES_PER_CLASS`.
        num_batches: Batches in each split. None: those of one epoch, in which every image
            comes at least once.
        strict: Whether a class with fewer than K images is an error. Otherwise its images come
            several times within a batch, with one warning.

    Example:
        >>> BalancedConfig(classes_per_batch=5, examples_per_class=4).name
        'classes_per_batch_5-examples_per_class_4'
    """

    classes_per_batch: int | None = None
    examples_per_class: int | None = None
    num_batches: int | None = None
    strict: bool = False

    def _check(self) -> None:
        check_positive("classes_per_batch", self.classes_per_batch)
        check_positive("examples_per_class", self.examples_per_class)
        check_positive("num_batches", self.num_batches)
