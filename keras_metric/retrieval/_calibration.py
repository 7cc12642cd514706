"""Thresholds of an index: found, kept, applied."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval import thresholds as th
from keras_metric.retrieval._arrays import FloatArray, as_array
from keras_metric.retrieval._labels import LabelArray, as_labels, factorize
from keras_metric.retrieval._similarity import import_similarity

_MATCHERS = ("match_nearest", "match_majority_vote")


def reset(index: Any) -> None:
    """Forget thresholds."""
    index.is_calibrated = False
    index.calibration_metric = import_similarity("classification_metrics").F1Score()
    index.cutpoints = {}
    index.calibration_thresholds = {}


def answers(index: Any, queries: Any, k: int, matcher: Any) -> tuple[LabelArray, FloatArray]:
    """One label and one distance a query."""
    _, distances, labels = index.search(queries, k)
    if isinstance(matcher, str):
        if matcher not in _MATCHERS:
            raise ValueError(
                f"`matcher` must be one of {', '.join(_MATCHERS)} or a ClassificationMatch. "
                f"Received: matcher={matcher!r}"
            )
        if matcher == "match_nearest":
            return labels[:, 0], distances[:, 0]
        return _vote(labels), distances.mean(axis=1)
    return _ask(matcher, labels, distances)


def outcomes(index: Any, queries: Any, target_labels: Any, k: int, matcher: Any) -> th.Outcomes:
    """Each query's answer, compared with its label."""
    count = len(as_array(index._get_embeddings(queries)))
    targets = as_labels(target_labels, count, "target_labels")
    found, distances = answers(index, queries, k, matcher)
    codes, target_codes, gallery = factorize(found, targets, index.kv_store.labels)
    # Labels of None are code -1 and equal nothing; integers have codes from 0 on.
    named = target_codes >= 0
    return th.Outcomes(
        distances, (codes == target_codes) & named, np.isin(target_codes, gallery) & named
    )


def calibrate(
    index: Any,
    found: th.Outcomes,
    targets: Mapping[str, Any],
    metric: Any,
    extra_metrics: Sequence[Any],
) -> Any:
    """Thresholds for the targets, and the whole curve; kept in the index."""
    distances = th.candidates(found)
    counts = th.count(found, distances)
    wanted = {name: _target(name, target, metric) for name, target in targets.items()}
    metrics = [metric, *extra_metrics, *(named for named, _ in wanted.values())]
    values = {_name(m): _compute(m, counts) for m in metrics}
    places = {"optimal": _optimal(metric, values[_name(metric)])}
    for name, (named, target) in wanted.items():
        places[name] = th.reach(name, named, target, distances, values)
    main = _name(metric)
    cutpoints = {
        name: {
            "name": name,
            "value": float(values[wanted[name][0] if name in wanted else main][place]),
            "distance": float(distances[place]),
            **{key: float(column[place]) for key, column in values.items()},
        }
        for name, place in places.items()
    }
    curve = {"distance": distances, **values, "value": values[main]}
    index.is_calibrated = True
    index.calibration_metric = _as_object(metric)
    index.cutpoints, index.calibration_thresholds = cutpoints, curve
    return import_similarity("types").CalibrationResults(cutpoints=cutpoints, thresholds=curve)


def classify(
    found: th.Outcomes, distance_thresholds: Any, metrics: Sequence[Any]
) -> dict[str, Any]:
    """Metrics at given thresholds, in their order."""
    limits = np.atleast_1d(as_array(distance_thresholds)).astype(np.float64)
    if limits.ndim != 1 or np.isnan(limits).any():
        raise ValueError(
            "`distance_thresholds` must be a flat list of numbers. "
            f"Received: distance_thresholds={distance_thresholds!r}"
        )
    counts = th.count(found, limits)
    return {"distance": limits} | {_name(m): _compute(m, counts) for m in metrics}


def match(index: Any, queries: Any, no_match_label: Any, k: int, matcher: Any) -> dict[str, Any]:
    """For each cutpoint one label a query, or that of "no match"."""
    if not index.cutpoints:
        raise ValueError("Call calibrate before match. Received: an index without thresholds")
    labels, distances = answers(index, queries, k, matcher)
    names = labels.tolist()
    return {
        name: [
            label if distance <= np.float32(point["distance"]) else no_match_label
            for label, distance in zip(names, distances, strict=True)
        ]
        for name, point in index.cutpoints.items()
    }


def threshold_of(index: Any, cutpoint: Any) -> float:
    """A distance, from a number or the name of a cutpoint."""
    if isinstance(cutpoint, (int, float, np.number)) and not isinstance(cutpoint, bool):
        return float(cutpoint)
    if cutpoint not in index.cutpoints:
        raise ValueError(
            f"`cutpoint` must be a distance or one of {list(index.cutpoints)}. "
            f"Received: cutpoint={cutpoint!r}"
        )
    return float(index.cutpoints[cutpoint]["distance"])


def _target(name: str, target: Any, metric: Any) -> tuple[str, float]:
    """Metric and value: `(metric, value)`; else of the metric the key names, or the main one."""
    if isinstance(target, (tuple, list)) and len(target) == 2:
        named, value = target
    else:
        is_named = isinstance(name, str) and (name in th.CRITERIA or name in th._ALIASES)
        named, value = (name if is_named else _name(metric)), target
    th.criterion(named)
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"A target must be between 0 and 1. Received: {name}={target!r}")
    return named, float(value)


def _name(metric: Any) -> str:
    return metric if isinstance(metric, str) else str(metric.name)


def _compute(metric: Any, counts: th.Counts) -> NDArray[np.float64]:
    """A criterion by name, or tensorflow-similarity's metric on its own kind of counts."""
    if isinstance(metric, str):
        return th.criterion(metric).compute(counts)
    values = metric.compute(
        tp=counts.accepted_right.astype(np.float32),
        fp=counts.accepted_wrong.astype(np.float32),
        tn=counts.refused_wrong.astype(np.float32),
        fn=counts.refused_right.astype(np.float32),
        count=int(counts.accepted_right[0] + counts.accepted_wrong[0]
                  + counts.refused_right[0] + counts.refused_wrong[0]),
    )  # fmt: skip
    return as_array(values).astype(np.float64)


def _optimal(metric: Any, values: NDArray[np.float64]) -> int:
    """The last of the best."""
    lower = th.criterion(metric).lower_is_better if isinstance(metric, str) else not metric.maximize
    best = values.min() if lower else values.max()
    return int(np.flatnonzero(values == best)[-1])


def _as_object(metric: Any) -> Any:
    """What `get_calibration_metric` gives: tensorflow-similarity's metric where it has one."""
    module = import_similarity("classification_metrics")
    if not isinstance(metric, str):
        return metric
    kinds = {"precision": module.Precision, "recall": module.Recall,
             "fpr": module.FalsePositiveRate}  # fmt: skip
    return kinds.get(metric, module.F1Score)(name=metric)


def _vote(labels: LabelArray) -> LabelArray:
    """The most frequent label of each row, of equally frequent ones the nearest."""
    winners = labels[:, 0].copy()
    (codes,) = factorize(labels.ravel())
    for row, line in enumerate(codes.reshape(labels.shape)):
        _, first, times = np.unique(line, return_index=True, return_counts=True)
        winners[row] = labels[row, first[times == times.max()].min()]
    return winners


def _ask(matcher: Any, labels: LabelArray, distances: FloatArray) -> tuple[LabelArray, FloatArray]:
    """A `ClassificationMatch` object decides, on codes in place of labels."""
    (codes,) = factorize(labels.ravel())
    derived, derived_distances = matcher.derive_match(codes.reshape(labels.shape), distances)
    names = dict(zip(codes.tolist(), labels.ravel().tolist(), strict=True))
    chosen = [names.get(code) for code in as_array(derived).ravel().tolist()]
    return as_labels(chosen, len(chosen)), as_array(derived_distances).ravel()
