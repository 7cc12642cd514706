"""Distance thresholds: accept a match or say "no match", and what either costs.

A query is answered by a label at a distance and the answer is accepted up to a threshold.
Over all queries, those of unknown classes included:

- precision: right answers among the accepted ones;
- recall: right accepted answers among the queries of known classes;
- f1: harmonic mean of the two;
- fpr: accepted answers among the wrong ones, which should all be refused;
- fnr: 1 - recall.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import FloatArray, as_array

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """Each query's answer: how far, whether right, and whether its class is known.

    Args:
        distances: `(queries,)`.
        is_right: The answer is the query's label, `(queries,)`.
        is_known: The query's label is in the gallery, `(queries,)`.
    """

    distances: FloatArray
    is_right: NDArray[np.bool_]
    is_known: NDArray[np.bool_]


@dataclass(frozen=True)
class Counts:
    """What thresholds accept, each an array `(thresholds,)`; the number of known queries."""

    accepted_right: Values
    accepted_wrong: Values
    refused_right: Values
    refused_wrong: Values
    num_known: int


@dataclass(frozen=True)
class Criterion:
    """A named measure of thresholds.

    Args:
        compute: From counts to one value a threshold.
        lower_is_better: As an error rate.
        loosest: Of the thresholds that reach a target, the largest is taken, else the
            smallest.
    """

    compute: Callable[[Counts], Values]
    lower_is_better: bool = False
    loosest: bool = True


def _ratio(part: Values, whole: Any, empty: float) -> Values:
    whole = np.broadcast_to(np.asarray(whole, np.float64), part.shape)
    return np.divide(part, whole, out=np.full(part.shape, empty), where=whole > 0)


def _precision(c: Counts) -> Values:
    return _ratio(c.accepted_right, c.accepted_right + c.accepted_wrong, 1.0)


def _recall(c: Counts) -> Values:
    return _ratio(c.accepted_right, c.num_known, 0.0)


def _f1(c: Counts) -> Values:
    # 2 P R / (P + R), with P = right / accepted and R = right / known.
    return _ratio(2 * c.accepted_right, c.accepted_right + c.accepted_wrong + c.num_known, 0.0)


def _fpr(c: Counts) -> Values:
    return _ratio(c.accepted_wrong, c.accepted_wrong + c.refused_wrong, 0.0)


CRITERIA: dict[str, Criterion] = {
    "precision": Criterion(_precision),
    "recall": Criterion(_recall, loosest=False),
    "f1": Criterion(_f1),
    "fpr": Criterion(_fpr, lower_is_better=True),
    "fnr": Criterion(lambda c: 1 - _recall(c), lower_is_better=True, loosest=False),
}
_ALIASES = {
    "f1score": "f1",
    "f1_score": "f1",
    "false_positive_rate": "fpr",
    "false_negative_rate": "fnr",
}


def criterion(name: str) -> Criterion:
    """The criterion of a name.

    Raises:
        ValueError: No such criterion.
    """
    key = _ALIASES.get(str(name).lower(), str(name).lower())
    if key not in CRITERIA:
        raise ValueError(
            f"A threshold's metric must be one of {', '.join(CRITERIA)}. Received: {name!r}"
        )
    return CRITERIA[key]


def candidates(outcomes: Outcomes) -> Values:
    """Every threshold that differs in effect: the distinct distances, ascending."""
    return np.unique(outcomes.distances).astype(np.float64)


def count(outcomes: Outcomes, thresholds: Values) -> Counts:
    """What each threshold accepts and refuses, in O(queries log queries)."""
    right = np.sort(outcomes.distances[outcomes.is_right])
    wrong = np.sort(outcomes.distances[~outcomes.is_right])
    thresholds = thresholds.astype(outcomes.distances.dtype)
    near_right = np.searchsorted(right, thresholds, side="right").astype(np.float64)
    near_wrong = np.searchsorted(wrong, thresholds, side="right").astype(np.float64)
    return Counts(
        near_right, near_wrong, len(right) - near_right, len(wrong) - near_wrong,
        int(outcomes.is_known.sum()),
    )  # fmt: skip


def reach(
    name: str, metric: str, target: float, thresholds: Values, values: Mapping[str, Values]
) -> int:
    """The index of the threshold that reaches a target.

    Raises:
        ValueError: None does; the message says how far it goes.
    """
    rule = criterion(metric)
    reached = values[metric] <= target if rule.lower_is_better else values[metric] >= target
    if not reached.any():
        best = values[metric].min() if rule.lower_is_better else values[metric].max()
        at = thresholds[np.flatnonzero(values[metric] == best)[-1]]
        raise ValueError(
            f"No threshold reaches {metric} {target}: the best is {best:.6g}, at distance "
            f"{at:.6g}. Received: target {name!r}"
        )
    places = np.flatnonzero(reached)
    return int(places[-1] if rule.loosest else places[0])


def open_set(outcomes: Outcomes, threshold: float) -> dict[str, float]:
    """Queries of known and of unknown classes, apart, at one threshold.

    Args:
        outcomes: One answer a query.
        threshold: Largest distance that is accepted.

    Returns:
        "known_accuracy", "known_confused" (accepted with a wrong label) and "known_refused",
        which sum to 1; "unknown_refused" and "unknown_accepted", which sum to 1. NaN where
        there are no such queries. "num_known" and "num_unknown" count them.

    Example:
        >>> outcomes = Outcomes(np.array([0.1, 0.9]), np.array([True, False]),
        ...                     np.array([True, False]))
        >>> open_set(outcomes, 0.5)["unknown_refused"]
        1.0
    """
    accepted = as_array(outcomes.distances) <= threshold
    known, right = outcomes.is_known, outcomes.is_right
    return {
        "known_accuracy": _share(accepted & right, known),
        "known_confused": _share(accepted & ~right, known),
        "known_refused": _share(~accepted, known),
        "unknown_refused": _share(~accepted, ~known),
        "unknown_accepted": _share(accepted, ~known),
        "num_known": float(known.sum()),
        "num_unknown": float((~known).sum()),
    }


def _share(mask: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(mask[among].mean()) if among.any() else float("nan")
