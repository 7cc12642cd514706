"""Retrieval measures of an index."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from keras_metric.retrieval import _lookups
from keras_metric.retrieval._arrays import FloatArray, IdArray, as_ids
from keras_metric.retrieval._labels import LabelArray, as_labels, factorize
from keras_metric.retrieval._similarity import import_similarity
from keras_metric.retrieval.measures._evaluate import evaluate
from keras_metric.retrieval.measures._formulas import RankedQuery, make_measure
from keras_metric.retrieval.measures._report import RetrievalReport
from keras_metric.retrieval.metrics import ExactMetric

_SimilarityIndexer: Any = import_similarity("indexer").Indexer
_CHUNK_IDS = 2**23


def evaluate_retrieval(
    index: Any, queries: FloatArray, labels: Any, metrics: Sequence[Any], verbose: int, ids: Any
) -> dict[str, Any]:
    """The mean of each metric, by its name."""
    flat = as_labels(labels, len(queries), "target_labels")
    names = [getattr(metric, "name", None) for metric in metrics]
    if not names or len(set(names)) != len(names):
        raise ValueError(
            "`retrieval_metrics` must be a list of metrics with different names. "
            f"Received: retrieval_metrics named {names}"
        )
    ours = [metric for metric in metrics if isinstance(metric, ExactMetric)]
    others = [metric for metric in metrics if not isinstance(metric, ExactMetric)]
    results = {}
    if ours:
        measures = list(dict.fromkeys(metric.canonical_name for metric in ours))
        report = report_of(index, queries, flat, measures, verbose, ids)
        results = {m.name: np.float64(report.mean(m.canonical_name, m.average)) for m in ours}
    if others:
        if ids is not None:
            raise ValueError("`ids` is for metrics of keras_metric. Received: ids with others")
        results |= _SimilarityIndexer.evaluate_retrieval(
            index, queries, flat, others, verbose=verbose
        )
    return {metric.name: results[metric.name] for metric in metrics}


def report_of(
    index: Any, queries: FloatArray, labels: LabelArray, names: Sequence[str],
    verbose: int = 0, own_ids: Any = None, average: str = "micro",
) -> RetrievalReport:  # fmt: skip
    """Measures of queries against an index, exact on an exact engine."""
    if own_ids is not None:
        own_ids = _own_ids(own_ids, len(queries))
    store = index.kv_store
    if index.engine.exact:
        return evaluate(
            queries, labels, store.embeddings, store.labels, measures=names,
            distance=index.metric, ids=own_ids,
            gallery_ids=None if own_ids is None else store.ids, verbose=verbose,
            average=average,
        )  # fmt: skip
    return _report_of_found(index, queries, labels, names, verbose, own_ids, average)


def _report_of_found(
    index: Any, queries: FloatArray, labels: LabelArray, names: Sequence[str],
    verbose: int, own_ids: IdArray | None, average: str,
) -> RetrievalReport:  # fmt: skip
    """What an approximate engine finds, in lists as long as the measures need."""
    codes, gallery = factorize(labels, index.kv_store.labels)
    formulas = [make_measure(name) for name in names]
    counts = np.bincount(gallery[gallery >= 0], minlength=codes.max(initial=0) + 1)
    relevant = np.where(codes >= 0, counts[codes], 0)
    own = np.full(len(queries), -1) if own_ids is None else own_ids
    has_own = np.isin(own, index.kv_store.ids)
    own_codes = np.full(len(queries), -2)
    own_codes[has_own] = gallery[index.kv_store.rows_of(own[has_own])]
    relevant = relevant - ((own_codes == codes) & (codes >= 0))
    depth = max(m.k or (m.to_r * int(relevant.max(initial=0))) or index.size() for m in formulas)
    values = np.full((len(formulas), len(queries)), np.nan)
    step = max(1, _CHUNK_IDS // max(1, depth))
    for start in tqdm(range(0, len(queries), step), "Evaluating", disable=not verbose):
        part = slice(start, start + step)
        ids, _ = _lookups.search(index, queries[part], depth + int(has_own.any()), 0)
        for query, near in enumerate(ids, start):
            if relevant[query]:
                near = near[(near >= 0) & (near != own[query])]
                hits = gallery[index.kv_store.rows_of(near)] == codes[query]
                candidates = index.size() - int(has_own[query])
                ranked = RankedQuery(np.flatnonzero(hits) + 1, int(relevant[query]), candidates)
                values[:, query] = [formula(ranked) for formula in formulas]
    return RetrievalReport(dict(zip(names, values, strict=True)), labels, relevant, average)


def _own_ids(ids: Any, count: int) -> IdArray:
    array = as_ids(ids)
    if len(array) != count:
        raise ValueError(f"`ids` must be {count}. Received: ids of length {len(array)}")
    return array
