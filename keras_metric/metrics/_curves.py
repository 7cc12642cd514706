"""Error rates of verification at every threshold."""

import numpy as np
from numpy.typing import ArrayLike

from keras_metric.metrics._pairs import Floats, checked_pairs


def roc_curve(
    same: ArrayLike, distances: ArrayLike, higher_is_similar: bool = False
) -> tuple[Floats, Floats, Floats]:
    """False and true acceptance rates at every threshold.

    A pair is accepted as the same if its distance is at most the threshold, or its score at
    least the threshold. Pairs at equal distances are accepted together. No point is left out,
    as by `sklearn.metrics.roc_curve(..., drop_intermediate=False)`.

    Reference: [Fawcett, 2006](https://doi.org/10.1016/j.patrec.2005.10.010), algorithm 1.

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`: booleans, or 0 and 1.
        distances: Distance of each pair, smaller meaning closer, shape `(pairs,)`.
        higher_is_similar: Whether `distances` are scores instead, larger meaning closer.

    Returns:
        False acceptance rates, true acceptance rates and thresholds, each of shape
        `(different distances + 1,)`, strictest threshold first; the first, minus infinity (of
        scores: infinity), accepts nothing.

    Raises:
        ValueError: The shapes differ, a distance is not finite, `same` holds something else
            than 0 and 1, or all pairs are of one kind.

    Example:
        >>> far, tar, thresholds = roc_curve([1, 0, 1, 0], [0.1, 0.4, 0.35, 0.8])
        >>> tar.tolist()
        [0.0, 0.5, 1.0, 1.0, 1.0]
        >>> far.tolist()
        [0.0, 0.0, 0.0, 0.5, 1.0]
    """
    is_same, values = checked_pairs(same, distances, higher_is_similar)
    order = np.argsort(values, kind="stable")
    is_same, values = is_same[order], values[order]
    ends = np.append(values[1:] > values[:-1], True)
    tar = np.concatenate([[0.0], np.cumsum(is_same)[ends] / is_same.sum()])
    far = np.concatenate([[0.0], np.cumsum(~is_same)[ends] / (~is_same).sum()])
    thresholds = np.concatenate([[-np.inf], values[ends]])
    return far, tar, -thresholds if higher_is_similar else thresholds


def det_curve(
    same: ArrayLike, distances: ArrayLike, higher_is_similar: bool = False
) -> tuple[Floats, Floats, Floats]:
    """False acceptance and false rejection rates, the two errors of verification.

    `false rejection rate = 1 - true acceptance rate`. As scikit-learn's, the curve starts at
    the last threshold without a false acceptance and ends at the first without a false
    rejection: before and after them one error grows and the other stays. Unlike there, the
    strictest threshold comes first.

    Reference: [Martin et al., 1997](
    https://www.isca-archive.org/eurospeech_1997/martin97b_eurospeech.html), "The DET curve in
    assessment of detection task performance".

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`: booleans, or 0 and 1.
        distances: Distance of each pair, shape `(pairs,)`.
        higher_is_similar: Whether `distances` are scores instead, larger meaning closer.

    Returns:
        False acceptance rates, ascending, false rejection rates, descending, and thresholds,
        of one length.

    Raises:
        ValueError: As `roc_curve`.

    Example:
        >>> far, frr, thresholds = det_curve([1, 0, 1, 0], [0.1, 0.3, 0.4, 0.8])
        >>> far.tolist(), frr.tolist(), thresholds.tolist()
        ([0.0, 0.5, 0.5], [0.5, 0.5, 0.0], [0.1, 0.3, 0.4])
    """
    far, tar, thresholds = roc_curve(same, distances, higher_is_similar)
    kept = slice(np.flatnonzero(far == 0)[-1], np.flatnonzero(tar == 1)[0] + 1)
    return far[kept], 1 - tar[kept], thresholds[kept]
