"""Verification accuracy with a threshold that was chosen on other pairs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from keras_metric.metrics._operating_points import best_threshold
from keras_metric.metrics._pairs import Floats, checked_pairs


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy of each fold under the threshold chosen on the others.

    Attributes:
        mean: Mean over the folds, the figure that papers report.
        standard_error: Standard deviation over the folds (of a sample: divided by folds - 1),
            over the square root of their number.
        accuracies: Share of pairs told right in each fold, `(folds,)`.
        thresholds: What was chosen for each fold, `(folds,)`.
    """

    mean: float
    standard_error: float
    accuracies: Floats
    thresholds: Floats


def cross_validated_accuracy(
    same: ArrayLike,
    distances: ArrayLike,
    folds: int | ArrayLike = 10,
    higher_is_similar: bool = False,
) -> FoldAccuracy:
    """LFW's protocol: ten folds, the threshold of each chosen on the other nine.

    The accuracy of `best_threshold` on its own pairs is flattered; here no pair has a say in
    the threshold that judges it. In LFW no person is in two folds either: give `folds` as an
    array if your pairs are not in the order of LFW's `pairs.txt`.

    Reference: [Huang et al., 2007](https://inria.hal.science/inria-00321923), "Labeled Faces
    in the Wild", view 2.

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`: booleans, or 0 and 1.
        distances: Distance of each pair, shape `(pairs,)`.
        folds: The number of folds, consecutive and of equal size (or one apart), as LFW's are;
            or the fold of each pair, `(pairs,)`, any integers or strings.
        higher_is_similar: Whether `distances` are scores instead, larger meaning closer.

    Raises:
        ValueError: As `roc_curve`; there are fewer than 2 folds, or fewer pairs than folds; or
            all pairs outside one of the folds are of one kind.

    Example:
        >>> found = cross_validated_accuracy([1, 0, 1, 0], [0.1, 0.9, 0.2, 0.4], folds=2)
        >>> found.thresholds.round(3).tolist()
        [0.3, 0.5]
        >>> found.accuracies.tolist(), found.mean
        ([1.0, 0.5], 0.75)
    """
    is_same, values = checked_pairs(same, distances)
    numbers = _fold_numbers(folds, len(values))
    accuracies, thresholds = [], []
    for fold in np.unique(numbers):
        inside = numbers == fold
        threshold, _ = best_threshold(
            is_same[~inside], values[~inside], higher_is_similar, balanced=False
        )
        accepted = values >= threshold if higher_is_similar else values <= threshold
        accuracies.append(np.mean(accepted[inside] == is_same[inside]))
        thresholds.append(threshold)
    shares = np.array(accuracies)
    error = float(shares.std(ddof=1) / np.sqrt(len(shares)))
    return FoldAccuracy(float(shares.mean()), error, shares, np.array(thresholds))


def _fold_numbers(folds: int | ArrayLike, pairs: int) -> np.ndarray:
    numbers = np.asarray(folds)
    if numbers.ndim == 0:
        if numbers.dtype.kind not in "iu" or not 2 <= numbers <= pairs:
            raise ValueError(
                f"`folds` must be an integer from 2 to {pairs}, the number of pairs. "
                f"Received: folds={folds!r}"
            )
        return np.arange(pairs) * int(numbers) // pairs
    if numbers.shape != (pairs,) or len(np.unique(numbers)) < 2:
        raise ValueError(
            f"`folds` must be of shape ({pairs},) with at least 2 different folds. "
            f"Received: shape {numbers.shape} with {len(np.unique(numbers))}"
        )
    return numbers
