"""Single points of the curves: where both errors are equal, at a false acceptance rate, best."""

import numpy as np
from numpy.typing import ArrayLike

from keras_metric.losses._arguments import between
from keras_metric.metrics._curves import roc_curve


def equal_error_rate(
    same: ArrayLike, distances: ArrayLike, higher_is_similar: bool = False
) -> float:
    """The rate at which as many different pairs are accepted as same pairs are rejected.

    Between two thresholds the rates are joined by a straight line.

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`: booleans, or 0 and 1.
        distances: Distance of each pair, shape `(pairs,)`.
        higher_is_similar: Whether `distances` are scores instead, larger meaning closer.

    Raises:
        ValueError: As `roc_curve`.

    Example:
        >>> equal_error_rate([1, 1, 0, 0], [0.1, 0.6, 0.5, 0.9])
        0.5
    """
    far, tar, _ = roc_curve(same, distances, higher_is_similar)
    gap = far + tar - 1.0  # far - (1 - tar): grows from -1 to 1
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(far[after - 1] + share * (far[after] - far[after - 1]))


def true_accept_rate(
    same: ArrayLike, distances: ArrayLike, at_far: float = 1e-3, higher_is_similar: bool = False
) -> tuple[float, float]:
    """The share of same pairs accepted while at most `at_far` of the different ones are.

    Nothing is interpolated: the rate is that of a threshold that can be set. With fewer than
    `1 / at_far` different pairs no false acceptance at all is allowed.

    Reference: [Maze et al., 2018](https://doi.org/10.1109/ICB2018.2018.00033) (IJB-C, "1:1
    verification").

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`: booleans, or 0 and 1.
        distances: Distance of each pair, shape `(pairs,)`.
        at_far: Largest false acceptance rate, from 0 to 1.
        higher_is_similar: Whether `distances` are scores instead, larger meaning closer.

    Returns:
        The true acceptance rate and the loosest threshold that has it within `at_far`, minus
        infinity (of scores: infinity) if the nearest pairs are already too many.

    Raises:
        ValueError: As `roc_curve`, or `at_far` is not from 0 to 1.

    Example:
        >>> true_accept_rate([1, 1, 0, 1, 0], [0.1, 0.2, 0.3, 0.4, 0.5], at_far=0.1)
        (0.6666666666666666, 0.2)
    """
    at_far = between("at_far", at_far, 0, 1)
    far, tar, thresholds = roc_curve(same, distances, higher_is_similar)
    last = int(np.flatnonzero(far <= at_far)[-1])
    return float(tar[last]), float(thresholds[last])


def best_threshold(
    same: ArrayLike,
    distances: ArrayLike,
    higher_is_similar: bool = False,
    balanced: bool = True,
) -> tuple[float, float]:
    """The distance that best separates same from different pairs.

    Best by balanced accuracy, the mean of the shares of same pairs accepted and of different
    pairs rejected, so that it does not depend on how many there are of each; or by the share
    of pairs told right. The threshold lies halfway between two distances that occurred.

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`: booleans, or 0 and 1.
        distances: Distance of each pair, shape `(pairs,)`.
        higher_is_similar: Whether `distances` are scores instead, larger meaning closer.
        balanced: Whether both kinds of pairs count alike, however many there are.

    Returns:
        The threshold and its accuracy.

    Raises:
        ValueError: As `roc_curve`.

    Example:
        >>> best_threshold([1, 1, 0, 0], [0.1, 0.3, 0.5, 0.9])
        (0.4, 1.0)
    """
    far, tar, thresholds = roc_curve(same, distances, higher_is_similar)
    sign = -1.0 if higher_is_similar else 1.0
    thresholds = sign * thresholds
    weight = 0.5 if balanced else float(np.mean(np.asarray(same, dtype=np.float64)))
    accuracy = weight * tar + (1 - weight) * (1 - far)
    best = int(np.argmax(accuracy))
    if best == 0:
        return sign * float(np.nextafter(thresholds[1], -np.inf)), float(accuracy[0])
    nearer, farther = thresholds[best], thresholds[min(best + 1, len(thresholds) - 1)]
    middle = (nearer + farther) / 2
    # Between neighbouring floats the middle rounds to one of them, maybe the farther.
    return sign * float(middle if middle < farther else nearer), float(accuracy[best])
