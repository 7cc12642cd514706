"""How far a mean over queries would wander if other queries had been drawn."""

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import check_positive


def bootstrap_interval(
    per_query: NDArray[np.float64], level: float = 0.95, num_samples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over queries.

    As many queries as there are get drawn with replacement, `num_samples` times; the
    interval runs between the quantiles `(1 - level) / 2` and `(1 + level) / 2` of the means.

    Reference: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

    Args:
        per_query: One value a query, `(queries,)`; NaN is left out.
        level: Coverage, between 0 and 1.
        num_samples: How many times queries are drawn.
        seed: Of the draws.

    Returns:
        Lower and upper end; NaN twice where no query has a value.

    Raises:
        ValueError: `level` or `num_samples` out of range.

    Example:
        >>> bootstrap_interval(np.array([0.5, 0.5, 0.5]))
        (0.5, 0.5)
    """
    if not 0 < level < 1:
        raise ValueError(f"`level` must be between 0 and 1. Received: level={level!r}")
    check_positive(num_samples, "num_samples")
    values = np.asarray(per_query, np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(num_samples)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
