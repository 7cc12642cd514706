"""Configs of datasets of triplets."""

import dataclasses

from tfds_builders.builders._config import TupleConfig, check_positive


@dataclasses.dataclass(kw_only=True, eq=False)
class TripletsConfig(TupleConfig):
    """How triplets are made; see `TupleConfig` for what all configs have.

    Attributes:
        num_triplets: Triplets in each split. None: one for each image that has another of its
            class.

    Example:
        >>> TripletsConfig(num_triplets=500).name
        'num_triplets_500'
    """

    num_triplets: int | None = None

    def _check(self) -> None:
        check_positive("num_triplets", self.num_triplets)
