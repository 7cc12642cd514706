"""Every measure for every query, from one pass over the query x gallery matrix."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval._threads import made_ahead, num_ahead
from keras_metric.retrieval.measures._formulas import Measure, RankedQuery
from keras_metric.retrieval.measures._nearest_few import is_worth_it, nearest_ranks
from keras_metric.retrieval.measures._pairs_once import depth_of, measure_pairs
from keras_metric.retrieval.measures._ranks import Ranks, first_rank, ranks_within
from keras_metric.retrieval.measures._relevance import Relevance, SameLabel
from keras_metric.retrieval.measures._scores import Scores

RanksOf = Callable[[int], tuple[Ranks, int]]


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
        found = None
        if depth is not None:
            found = measure_pairs(scores.rows, starts, ends, depth, measures, verbose)
        if found is not None:
            back = np.argsort(order)
            return PerQuery(found[:, back], counts[back])
    place = np.empty(len(gallery) + 1, np.int64)
    place[relevance.gallery_order], place[-1] = np.arange(len(gallery)), -1
    own = place[own_row]
    values = np.full((len(measures), len(queries)), np.nan)
    num_relevant = np.zeros(len(queries), np.int64)
    blocks = _blocks(queries, own, relevance, scores, measures)
    total = -(-len(queries) // scores.block_rows)
    for rows, ranks_of in tqdm(blocks, "Evaluating", total, disable=not verbose):
        for row, query in enumerate(rows.tolist()):
            ranks, num_relevant[query] = ranks_of(row)
            if num_relevant[query]:
                candidates = len(gallery) - int(own[query] >= 0)
                ranked = RankedQuery(ranks, int(num_relevant[query]), candidates)
                values[:, query] = [measure(ranked) for measure in measures]
    return PerQuery(values, num_relevant)


def _blocks(
    queries: FloatArray,
    own: IdArray,
    relevance: Relevance,
    scores: Scores,
    measures: Sequence[Measure],
) -> Iterator[tuple[IdArray, RanksOf]]:
    """Rows of queries and the ranks of each, the next blocks made in the background."""
    buffers = [scores.buffer() for _ in range(num_ahead() + 1)]
    is_fixed = not any(measure.to_r or measure.to_first for measure in measures)
    depth = max((measure.k for measure in measures), default=0) if is_fixed else 0
    edges = None
    if isinstance(relevance, SameLabel) and is_worth_it(depth, len(scores.rows)):
        edges = relevance.classes()

    def prepare(number: int) -> tuple[IdArray, RanksOf]:
        start = number * scores.block_rows
        rows = relevance.query_order[start : start + scores.block_rows]
        block = scores(queries[rows], buffers[number % len(buffers)])
        with_own = np.flatnonzero(own[rows] >= 0)
        block[with_own, own[rows][with_own]] = np.inf  # farther than any other row
        if edges is not None:
            starts, ends = (edge[start : start + len(rows)] for edge in edges)
            counts = ends - starts - ((starts <= own[rows]) & (own[rows] < ends))
            nearest = nearest_ranks(block, starts, ends, depth)
            return rows, lambda row: (nearest[row], int(counts[row]))
        split = relevance.split(rows, block)
        return rows, lambda row: _ranks(*split(row), measures)

    return made_ahead(prepare, -(-len(queries) // scores.block_rows))


def _ranks(
    relevant: FloatArray,
    row: FloatArray,
    others: list[FloatArray],
    measures: Sequence[Measure],
) -> tuple[Ranks, int]:
    """Ranks as deep as the measures look, and the number of relevant rows."""
    if len(relevant) and relevant[-1] == np.inf:  # the query itself
        relevant = relevant[:-1]
    if not len(relevant):
        return np.empty(0, np.int64), 0
    depth = max(measure.k or measure.to_r * len(relevant) for measure in measures)
    ranks = ranks_within(relevant, row, others, depth) if depth else np.empty(0, np.int64)
    if len(ranks) == 0 and any(measure.to_first for measure in measures):
        ranks = np.array([first_rank(relevant, row)])
    return ranks, len(relevant)
