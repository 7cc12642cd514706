"""Verification: same or different, told from a distance."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def roc_curve(same: ArrayLike, distances: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """False and true acceptance rates at every threshold.

    A pair is accepted as the same if its distance is at most the threshold. Pairs at equal
    distances are accepted together.

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`: booleans, or 0 and 1.
        distances: Distance of each pair, smaller meaning closer, shape `(pairs,)`.

    Returns:
        False acceptance rates, true acceptance rates and thresholds, each of shape
        `(different distances + 1,)`, ascending; the first threshold, minus infinity, accepts
        nothing.

    Raises:
        ValueError: The shapes differ, a distance is not finite, `same` holds something else
            than 0 and 1, or all pairs are of one kind.

    Example:
        >>> far, tar, thresholds = roc_curve([1, 0, 1, 0], [0.1, 0.4, 0.35, 0.8])
        >>> tar.tolist()
        [0.0, 0.5, 1.0, 1.0, 1.0]
    """
    is_same, values = _checked(same, distances)
    order = np.argsort(values, kind="stable")
    is_same, values = is_same[order], values[order]
    ends = np.append(values[1:] > values[:-1], True)
    accepted = np.cumsum(is_same)[ends]
    wrongly = np.cumsum(~is_same)[ends]
    tar = np.concatenate([[0.0], accepted / is_same.sum()])
    far = np.concatenate([[0.0], wrongly / (~is_same).sum()])
    return far, tar, np.concatenate([[-np.inf], values[ends]])


def equal_error_rate(same: ArrayLike, distances: ArrayLike) -> float:
    """The rate at which as many different pairs are accepted as same pairs are rejected.

    Between two thresholds the rates are joined by a straight line.

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`.
        distances: Distance of each pair, shape `(pairs,)`.

    Raises:
        ValueError: As `roc_curve`.

    Example:
        >>> equal_error_rate([1, 1, 0, 0], [0.1, 0.6, 0.5, 0.9])
        0.5
    """
    far, tar, _ = roc_curve(same, distances)
    gap = far + tar - 1.0  # far - (1 - tar): grows from -1 to 1
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(far[after - 1] + share * (far[after] - far[after - 1]))


def best_threshold(same: ArrayLike, distances: ArrayLike) -> tuple[float, float]:
    """The distance that best separates same from different pairs.

    Best by balanced accuracy, the mean of the shares of same pairs accepted and of different
    pairs rejected, so that it does not depend on how many there are of each. The threshold
    lies halfway between two distances that occurred.

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`.
        distances: Distance of each pair, shape `(pairs,)`.

    Returns:
        The threshold and its balanced accuracy.

    Raises:
        ValueError: As `roc_curve`.

    Example:
        >>> best_threshold([1, 1, 0, 0], [0.1, 0.3, 0.5, 0.9])
        (0.4, 1.0)
    """
    far, tar, thresholds = roc_curve(same, distances)
    accuracy = (tar + 1 - far) / 2
    best = int(np.argmax(accuracy))
    following = min(best + 1, len(thresholds) - 1)
    if best == 0:
        return float(np.nextafter(thresholds[1], -np.inf)), float(accuracy[0])
    nearer, farther = thresholds[best], thresholds[following]
    middle = (nearer + farther) / 2
    # Between neighbouring floats the middle rounds to one of them, maybe the farther.
    return float(middle if middle < farther else nearer), float(accuracy[best])


def _checked(same: Any, distances: Any) -> tuple[NDArray[np.bool_], Floats]:
    is_same, values = np.asarray(same), np.asarray(distances, dtype=np.float64)
    if is_same.ndim != 1 or is_same.shape != values.shape:
        raise ValueError(
            "`same` and `distances` must both be of shape (pairs,). "
            f"Received: shapes {is_same.shape} and {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("`distances` must be finite. Received: distances with NaN or infinity")
    if not np.isin(is_same, (0, 1)).all():
        raise ValueError("`same` must hold 0 and 1 only. Received: same with other values")
    is_same = is_same.astype(bool)
    if is_same.all() or not is_same.any():
        raise ValueError(
            "There must be pairs that are the same and pairs that are not. "
            f"Received: {int(is_same.sum())} of {len(is_same)} pairs the same"
        )
    return is_same, values
