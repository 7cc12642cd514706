"""One function a measure; several at once are cheaper through `evaluate`."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import check_choice, check_positive
from keras_metric.retrieval.measures._evaluate import evaluate

Result = float | NDArray[np.float64]


def _measure(
    name: str, embeddings: Any, labels: Any, gallery: Any, gallery_labels: Any, options: Any
) -> Result:
    average = check_choice(options.pop("average", "micro"), "average", ("micro", "macro", "none"))
    kept = average if average != "none" else "micro"
    report = evaluate(
        embeddings, labels, gallery, gallery_labels, measures=[name], average=kept, **options
    )
    if average == "none":
        return report.per_query[name]
    _warn_of_lone(report.num_without_relevant, report.num_queries, name)
    return report[name]


def _warn_of_lone(lone: int, count: int, name: str) -> None:
    if lone:
        warnings.warn(
            f"{lone} of {count} queries have nothing relevant in the gallery: they are not in "
            f"the mean of {name}.",
            stacklevel=4,
        )


def recall_at_k(
    embeddings: Any, labels: Any, gallery: Any = None, gallery_labels: Any = None,
    k: int = 1, **options: Any,
) -> Result:  # fmt: skip
    """Share of queries with something relevant among their k nearest.

    `mean over q of [any of the k nearest is relevant]`, the Recall@K of metric learning.

    Reference: [Oh Song et al., 2016](https://arxiv.org/abs/1511.06452), section 6.

    Args:
        embeddings: Queries, `(queries, dim)`.
        labels: Their labels, `(queries,)`.
        gallery: Rows to search, `(rows, dim)`; None searches the queries, each without
            itself.
        gallery_labels: Their labels, `(rows,)`.
        k: How many neighbours, at least 1; beyond the gallery, all of it.
        **options: `distance`, `ids`, `gallery_ids`, `relevance` of `evaluate`; `average`:
            "micro", "macro", or "none" for one value a query.

    Returns:
        The mean, or with `average="none"` an array `(queries,)`, NaN where nothing is
        relevant. A mean that leaves such queries out says so in a warning.

    Example:
        >>> recall_at_k([[0.0], [1.0], [3.0], [4.0]], [0, 0, 1, 1], distance="euclidean")
        1.0
    """
    name = f"recall_at_{check_positive(k)}"
    return _measure(name, embeddings, labels, gallery, gallery_labels, options)


def precision_at_k(
    embeddings: Any, labels: Any, gallery: Any = None, gallery_labels: Any = None,
    k: int = 1, **options: Any,
) -> Result:  # fmt: skip
    """Share of the k nearest that are relevant, mean over queries.

    `#relevant among the k nearest / min(k, rows to search)`. Arguments and result as in
    `recall_at_k`.

    Example:
        >>> precision_at_k([[0.0], [1.0], [3.0]], [0, 0, 0], k=2, distance="euclidean")
        1.0
    """
    name = f"precision_at_{check_positive(k)}"
    return _measure(name, embeddings, labels, gallery, gallery_labels, options)


def map_at_k(
    embeddings: Any, labels: Any, gallery: Any = None, gallery_labels: Any = None,
    k: int = 10, **options: Any,
) -> Result:  # fmt: skip
    """Mean average precision over the k nearest.

    `AP@k = 1 / min(R, k) * sum over i <= k of P(i) rel(i)`, with `P(i)` the share of
    relevant rows among the i nearest and `R` the relevant rows of the gallery. Arguments
    and result as in `recall_at_k`.

    Example:
        >>> map_at_k([[0.0]], [0], [[1.0], [2.0]], [0, 1], k=2, distance="euclidean")
        1.0
    """
    name = f"map_at_{check_positive(k)}"
    return _measure(name, embeddings, labels, gallery, gallery_labels, options)


def map_at_r(
    embeddings: Any, labels: Any, gallery: Any = None, gallery_labels: Any = None,
    **options: Any,
) -> Result:  # fmt: skip
    """Mean average precision at R, R being the relevant rows of each query's gallery.

    `MAP@R = 1/R * sum over i <= R of P(i) rel(i)`.

    Reference: [Musgrave et al., 2020](https://arxiv.org/abs/2003.08505), section 3.2.
    Arguments and result as in `recall_at_k`.

    Example:
        >>> map_at_r([[0.0]], [0], [[1.0], [2.0], [3.0]], [0, 1, 0], distance="euclidean")
        0.5
    """
    return _measure("map_at_r", embeddings, labels, gallery, gallery_labels, options)


def r_precision(
    embeddings: Any, labels: Any, gallery: Any = None, gallery_labels: Any = None,
    **options: Any,
) -> Result:  # fmt: skip
    """Share of the R nearest that are relevant, R being the relevant rows of the gallery.

    Reference: [Musgrave et al., 2020](https://arxiv.org/abs/2003.08505), section 3.2.
    Arguments and result as in `recall_at_k`.

    Example:
        >>> r_precision([[0.0]], [0], [[1.0], [2.0], [3.0]], [0, 1, 0], distance="euclidean")
        0.5
    """
    return _measure("r_precision", embeddings, labels, gallery, gallery_labels, options)


def mean_reciprocal_rank(
    embeddings: Any, labels: Any, gallery: Any = None, gallery_labels: Any = None,
    **options: Any,
) -> Result:  # fmt: skip
    """Mean over queries of `1 / rank of the nearest relevant row`.

    Arguments and result as in `recall_at_k`.

    Example:
        >>> mean_reciprocal_rank([[0.0]], [0], [[1.0], [2.0]], [1, 0], distance="euclidean")
        0.5
    """
    return _measure("mrr", embeddings, labels, gallery, gallery_labels, options)


def ndcg_at_k(
    embeddings: Any, labels: Any, gallery: Any = None, gallery_labels: Any = None,
    k: int = 10, **options: Any,
) -> Result:  # fmt: skip
    """Normalized discounted cumulative gain over the k nearest, relevance being 0 or 1.

    `sum over i <= k of rel(i) / log2(i + 1)`, divided by the largest it can be, the sum
    over `i <= min(R, k)` of `1 / log2(i + 1)`.

    Reference: Järvelin and Kekäläinen, 2002, https://doi.org/10.1145/582415.582418.
    Arguments and result as in `recall_at_k`.

    Example:
        >>> ndcg_at_k([[0.0]], [0], [[1.0], [2.0]], [0, 1], k=2, distance="euclidean")
        1.0
    """
    name = f"ndcg_at_{check_positive(k)}"
    return _measure(name, embeddings, labels, gallery, gallery_labels, options)


def cmc(
    embeddings: Any, labels: Any, gallery: Any = None, gallery_labels: Any = None,
    max_rank: int = 10, **options: Any,
) -> NDArray[np.float64]:  # fmt: skip
    """Cumulative match characteristic: `recall_at_k` for k = 1 to `max_rank`.

    Arguments as in `recall_at_k`, without `average`.

    Returns:
        `(max_rank,)`, the share of queries whose nearest relevant row has at most that
        rank. Queries to which nothing is relevant are left out and counted in a warning; NaN
        where all are.

    Example:
        >>> cmc([[0.0]], [0], [[1.0], [2.0]], [1, 0], max_rank=2, distance="euclidean")
        array([0., 1.])
    """
    check_positive(max_rank, "max_rank")
    reciprocal = np.asarray(
        mean_reciprocal_rank(embeddings, labels, gallery, gallery_labels, average="none", **options)
    )
    valid = np.isfinite(reciprocal)
    _warn_of_lone(int((~valid).sum()), len(valid), "cmc")
    if not valid.any():
        return np.full(max_rank, np.nan)
    first = np.rint(1 / reciprocal[valid])
    return (first[:, None] <= np.arange(1, max_rank + 1)).mean(axis=0)
