"""Configs of datasets of pairs."""

import dataclasses

from tfds_builders.builders._config import TupleConfig, check_positive


@dataclasses.dataclass(kw_only=True, eq=False)
class PairsConfig(TupleConfig):
    """How pairs are made; see `TupleConfig` for what all configs have.

    Attributes:
        num_pairs: Pairs in each split. None: one for each image.
        positive_fraction: Share of pairs of one class, from 0 to 1.

    Example:
        >>> PairsConfig(num_pairs=1000, classes="seen", seed=3).name
        'seen-seed_3-num_pairs_1000'
    """

    num_pairs: int | None = None
    positive_fraction: float = 0.5

    def _check(self) -> None:
        check_positive("num_pairs", self.num_pairs)
        if not 0 <= self.positive_fraction <= 1:
            raise ValueError(
                "`positive_fraction` must lie from 0 to 1. "
                f"Received: positive_fraction={self.positive_fraction}"
            )
