"""Every measure for every query, from one pass over the query x gallery matrix."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval.measures._formulas import Measure, RankedQuery
from keras_metric.retrieval.measures._pairs_once import depth_of, measure_pairs
from keras_metric.retrieval.measures._ranks import Ranks, first_rank, ranks_within
from keras_metric.retrieval.measures._relevance import Relevance, SameLabel, Split
from keras_metric.retrieval.measures._scores import Scores


@dataclass(frozen=True)
class PerQuery:
    """Values `(measures, queries)`, NaN where nothing is relevant; relevant rows a query."""

    values: NDArray[np.float64]
    num_relevant: IdArray


def measure_queries(
    queries: FloatArray,
    gallery: FloatArray,
    own_row: IdArray,
    relevance: Relevance,
    measures: Sequence[Measure],
    distance: str,
    verbose: int = 0,
) -> PerQuery:
    """Run the measures over all queries in blocks of bounded memory.

    Args:
        queries: `(queries, dim)`.
        gallery: `(gallery, dim)`.
        own_row: For each query the gallery row that is the query itself, or -1.
        relevance: What is relevant to which query.
        measures: What to compute.
        distance: Canonical name.
        verbose: 1 shows a progress bar.
    """
    scores = Scores(gallery[relevance.gallery_order], distance)
    if queries is gallery and isinstance(relevance, SameLabel) and not scores.has_repeats:
        order, (starts, ends) = relevance.query_order, relevance.classes()
        counts = np.maximum(ends - starts - 1, 0)
        depth = depth_of(measures, counts, distance, queries.dtype)
        if depth is not None:
            found = measure_pairs(
                queries[order], starts, ends, depth, measures, scores, distance, verbose
            )
            back = np.argsort(order)
            return PerQuery(found[:, back], counts[back])
    place = np.empty(len(gallery) + 1, np.int64)
    place[relevance.gallery_order], place[-1] = np.arange(len(gallery)), -1
    own = place[own_row]
    values = np.full((len(measures), len(queries)), np.nan)
    num_relevant = np.zeros(len(queries), np.int64)
    blocks = _blocks(queries, own, relevance, scores)
    total = -(-len(queries) // scores.block_rows)
    for rows, split in tqdm(blocks, "Evaluating", total, disable=not verbose):
        for row, query in enumerate(rows.tolist()):
            relevant, others = split(row)
            if own[query] >= 0 and len(relevant) and relevant[-1] == np.inf:
                relevant = relevant[:-1]
            num_relevant[query] = len(relevant)
            if len(relevant):
                ranks = _ranks(relevant, others, measures)
                ranked = RankedQuery(ranks, len(relevant), len(gallery) - int(own[query] >= 0))
                values[:, query] = [measure(ranked) for measure in measures]
    return PerQuery(values, num_relevant)


def _blocks(
    queries: FloatArray, own: IdArray, relevance: Relevance, scores: Scores
) -> Iterator[tuple[IdArray, Split]]:
    """Rows of queries with their scores taken apart, the next block made in the background."""
    buffers = [scores.buffer(), scores.buffer()]

    def prepare(number: int) -> tuple[IdArray, Split]:
        start = number * scores.block_rows
        rows = relevance.query_order[start : start + scores.block_rows]
        block = scores(queries[rows], buffers[number % 2])
        with_own = np.flatnonzero(own[rows] >= 0)
        block[with_own, own[rows][with_own]] = np.inf  # farther than any other row
        return rows, relevance.split(rows, block)

    count = -(-len(queries) // scores.block_rows)
    with ThreadPoolExecutor(1) as background:
        ahead = [background.submit(prepare, 0)] if count else []
        for number in range(1, count + 1):
            ready = ahead.pop().result()
            if number < count:
                ahead.append(background.submit(prepare, number))
            yield ready


def _ranks(relevant: FloatArray, others: list[FloatArray], measures: Sequence[Measure]) -> Ranks:
    depth = max(measure.k or measure.to_r * len(relevant) for measure in measures)
    ranks = ranks_within(relevant, others, depth) if depth else np.empty(0, np.int64)
    if len(ranks) == 0 and any(measure.to_first for measure in measures):
        return np.array([first_rank(relevant, others)])
    return ranks
