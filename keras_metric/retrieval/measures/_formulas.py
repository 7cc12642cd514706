"""From one query's ranks to one number: the measures' formulas."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keras_metric.retrieval.measures._ranks import Ranks


@dataclass(frozen=True)
class RankedQuery:
    """What the formulas see of a query.

    Args:
        ranks: Ascending ranks, from 1, of the relevant rows, complete up to the depth that
            the measures asked for.
        num_relevant: Relevant rows in the whole gallery, at least 1.
        num_candidates: Rows in the gallery, the query itself left out.
    """

    ranks: Ranks
    num_relevant: int
    num_candidates: int

    def hits(self, k: int) -> int:
        """Relevant rows among the k nearest."""
        return int(self.ranks.searchsorted(k, side="right"))

    def summed_precision(self, k: int) -> float:
        """Precision at each relevant row among the k nearest, summed."""
        hits = self.hits(k)
        return float((np.arange(1, hits + 1) / self.ranks[:hits]).sum())


Formula = Callable[[RankedQuery, int], float]


@dataclass(frozen=True)
class Measure:
    """A named formula with its k, and how deep it looks.

    Args:
        name: As in results, such as "recall_at_5".
        formula: `(query, k) -> number`.
        k: The k of "at k"; 0 where the measure has none.
        to_r: Looks at as many rows as are relevant.
        to_first: Looks for the first relevant row, however far.
    """

    name: str
    formula: Formula
    k: int = 0
    to_r: bool = False
    to_first: bool = False

    def __call__(self, query: RankedQuery) -> float:
        return self.formula(query, self.k)


def _ndcg(query: RankedQuery, k: int) -> float:
    gain = (1 / np.log2(query.ranks[: query.hits(k)] + 1.0)).sum()
    best = (1 / np.log2(np.arange(2.0, min(query.num_relevant, k) + 2))).sum()
    return float(gain / best)


_AT_K: dict[str, Formula] = {
    "recall": lambda q, k: float(q.hits(k) > 0),
    "precision": lambda q, k: q.hits(k) / min(k, q.num_candidates),
    "map": lambda q, k: q.summed_precision(k) / min(q.num_relevant, k),
    "ndcg": _ndcg,
}
_AT_R: dict[str, Formula] = {
    "map_at_r": lambda q, k: q.summed_precision(q.num_relevant) / q.num_relevant,
    "r_precision": lambda q, k: q.hits(q.num_relevant) / q.num_relevant,
}

KNOWN = (*(f"{name}_at_<k>" for name in _AT_K), *_AT_R, "mrr")


def make_measure(name: str) -> Measure:
    """The measure of a name such as "recall_at_5", "map_at_r" or "mrr".

    Raises:
        ValueError: No such measure.
    """
    if name in _AT_R:
        return Measure(name, _AT_R[name], to_r=True)
    if name == "mrr":
        return Measure(name, lambda q, k: 1 / q.ranks[0], to_first=True)
    at_k = re.fullmatch(r"([a-z]+)_at_([1-9][0-9]*)", name) if isinstance(name, str) else None
    if at_k is None or at_k[1] not in _AT_K:
        raise ValueError(
            f"`measures` must be among {', '.join(KNOWN)}. Received: measures with {name!r}"
        )
    return Measure(name, _AT_K[at_k[1]], k=int(at_k[2]))
