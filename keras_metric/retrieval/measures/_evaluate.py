"""The public face of the exact measures: several at once, from one search."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_metric.retrieval._arrays import IdArray, as_embeddings, as_ids
from keras_metric.retrieval._distances import distance_name
from keras_metric.retrieval._labels import LabelArray, as_labels
from keras_metric.retrieval.measures._formulas import make_measure
from keras_metric.retrieval.measures._per_query import measure_queries
from keras_metric.retrieval.measures._relevance import (
    ByFunction,
    Relevance,
    RelevanceFunction,
    SameLabel,
)
from keras_metric.retrieval.measures._report import RetrievalReport

DEFAULT_MEASURES = ("recall_at_1", "recall_at_5", "map_at_r", "r_precision")


def evaluate(
    embeddings: Any,
    labels: Any,
    gallery: Any = None,
    gallery_labels: Any = None,
    *,
    measures: Sequence[str] = DEFAULT_MEASURES,
    distance: Any = "cosine",
    average: str = "micro",
    ids: Any = None,
    gallery_ids: Any = None,
    relevance: RelevanceFunction | None = None,
    verbose: int = 0,
) -> RetrievalReport:
    """Exact retrieval measures of queries against a gallery, all from one search.

    Every query is compared with the whole gallery, in blocks of about 64 MB. The measures
    are "recall_at_<k>", "precision_at_<k>", "map_at_<k>", "ndcg_at_<k>", "map_at_r",
    "r_precision" and "mrr"; the function of the same name states each formula.

    Ties: among rows at equal distance from the query the irrelevant ones come first, so no
    result depends on the gallery's order. Equal rows are always at equal distance. A query
    to which nothing is relevant has no value: it leaves the mean, is NaN in `per_query`
    and is counted in `num_without_relevant`. A `k` beyond the gallery means all of it.

    Args:
        embeddings: Queries, `(queries, dim)`. float64 is computed in float64, all else in
            float32.
        labels: Their labels, `(queries,)`: integers, strings or None; None equals nothing.
        gallery: Rows to search, `(rows, dim)`. None searches the queries themselves, each
            without itself.
        gallery_labels: Their labels, `(rows,)`.
        measures: Names of measures.
        distance: "cosine", "euclidean", "squared_euclidean", "dot_product", "manhattan".
        average: "micro", the mean over queries, or "macro", the mean over the classes'
            means.
        ids: Integer ids of the queries, with `gallery_ids`: a gallery row with the query's
            own id is left out.
        gallery_ids: Distinct integer ids of the gallery's rows.
        relevance: `(labels of some queries, gallery_labels) -> (some, rows)` booleans,
            instead of equality of labels; labels may then be any arrays.
        verbose: 1 shows a progress bar.

    Returns:
        A mapping from measure to mean, with values per query and per class and confidence
        intervals: see `RetrievalReport`.

    Raises:
        ValueError: Something has another length, rank or width, is not finite, or is empty;
            or a name is unknown.

    Example:
        >>> report = evaluate([[0.0], [1.0], [3.0]], [0, 0, 1], measures=["recall_at_1"],
        ...                   distance="euclidean")
        >>> report["recall_at_1"], report.num_without_relevant
        (1.0, 1)
    """
    if isinstance(measures, str) or not len(measures):
        raise ValueError(f"`measures` must be names in a list. Received: measures={measures!r}")
    formulas = [make_measure(name) for name in measures]
    queries = as_embeddings(embeddings, keep_double=True)
    own_row = np.arange(len(queries)) if gallery is None else np.full(len(queries), -1)
    if gallery is None:
        _refuse_half(gallery_labels, ids, gallery_ids)
        rows, gallery_labels = queries, labels
    else:
        rows = as_embeddings(gallery, "gallery", queries.shape[1], keep_double=True)
        own_row = _own_rows(ids, gallery_ids, own_row, len(rows))
    if not len(rows):
        raise ValueError("The gallery must hold at least one row. Received: an empty gallery")
    relevant, flat = _relevance(labels, gallery_labels, len(queries), len(rows), relevance)
    common = np.result_type(queries, rows)
    found = measure_queries(
        queries.astype(common, copy=False), rows.astype(common, copy=False),
        own_row, relevant, formulas, distance_name(distance), verbose,
    )  # fmt: skip
    values = dict(zip(measures, found.values, strict=True))
    return RetrievalReport(values, flat, found.num_relevant, average)


def _refuse_half(gallery_labels: Any, ids: Any, gallery_ids: Any) -> None:
    given = {"gallery_labels": gallery_labels, "ids": ids, "gallery_ids": gallery_ids}
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"`{name}` needs a `gallery`. Received: gallery=None and {name}")


def _own_rows(ids: Any, gallery_ids: Any, none: IdArray, num_rows: int) -> IdArray:
    """For each query the gallery row of the same id, or -1."""
    if (ids is None) != (gallery_ids is None):
        raise ValueError("`ids` and `gallery_ids` must come together. Received: one of them")
    if ids is None:
        return none
    wanted, have = as_ids(ids), as_ids(gallery_ids, "gallery_ids")
    for name, array, count in (("ids", wanted, len(none)), ("gallery_ids", have, num_rows)):
        if len(array) != count:
            raise ValueError(f"`{name}` must be {count}. Received: {name} of length {len(array)}")
    order = np.argsort(have)
    place = order[np.minimum(np.searchsorted(have, wanted, sorter=order), len(have) - 1)]
    return np.where(have[place] == wanted, place, -1)


def _relevance(
    labels: Any, gallery_labels: Any, num: int, num_rows: int, function: RelevanceFunction | None
) -> tuple[Relevance, LabelArray | None]:
    if function is None:
        flat = as_labels(labels, num)
        return SameLabel(flat, as_labels(gallery_labels, num_rows, "gallery_labels")), flat
    for name, given, count in (
        ("labels", labels, num),
        ("gallery_labels", gallery_labels, num_rows),
    ):
        if len(given) != count:
            raise ValueError(f"`{name}` must be {count}. Received: {name} of length {len(given)}")
    return ByFunction(labels, gallery_labels, function), None
