"""What an evaluation found: means, and everything they are made of."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import IdArray, check_choice
from keras_metric.retrieval._labels import LabelArray, factorize
from keras_metric.retrieval.measures._bootstrap import bootstrap_interval


class RetrievalReport(Mapping[str, float]):
    """A mapping from the name of a measure to its mean.

    Args:
        per_query: For each measure one value a query, `(queries,)`; NaN where nothing is
            relevant.
        labels: The queries' labels, `(queries,)`, or None where relevance is a function's.
        num_relevant: Relevant gallery rows of each query, `(queries,)`.
        average: "micro", the mean over queries, or "macro", over the classes' means.

    Attributes:
        per_query: As given.
        num_relevant: As given.
        num_queries: How many queries there were.
        num_without_relevant: How many of them had nothing relevant in the gallery. They
            are in no mean.
    """

    def __init__(
        self,
        per_query: Mapping[str, NDArray[np.float64]],
        labels: LabelArray | None,
        num_relevant: IdArray,
        average: str = "micro",
    ) -> None:
        check_choice(average, "average", ("micro", "macro"))
        if average == "macro" and labels is None:
            raise ValueError("A macro average needs one label a query. Received: average='macro'")
        self.per_query = dict(per_query)
        self.num_relevant = num_relevant
        self.num_queries = len(num_relevant)
        self.num_without_relevant = int((num_relevant == 0).sum())
        self._labels = labels
        self._average = average

    def __getitem__(self, name: str) -> float:
        return self.mean(name, self._average)

    def __iter__(self) -> Iterator[str]:
        return iter(self.per_query)

    def __len__(self) -> int:
        return len(self.per_query)

    def __repr__(self) -> str:
        means = ", ".join(f"{name}={value:.4f}" for name, value in self.items())
        return (
            f"RetrievalReport({means}; {self.num_queries} queries, "
            f"{self.num_without_relevant} of them without anything relevant)"
        )

    def mean(self, name: str, average: str = "micro") -> float:
        """The mean over queries, or with "macro" over the classes' means."""
        if average == "macro":
            return _mean(np.array(list(self.per_class(name).values())))
        return _mean(self.per_query[name])

    def per_class(self, name: str) -> dict[Any, float]:
        """The mean of each class of queries; NaN for a class without anything relevant."""
        if self._labels is None:
            raise ValueError("Classes need one label a query. Received: a relevance function")
        (codes,) = factorize(self._labels)
        _, first, place = np.unique(codes, return_index=True, return_inverse=True)
        values = self.per_query[name]
        valid = np.isfinite(values)
        count = np.bincount(place[valid], minlength=len(first))
        total = np.bincount(place[valid], values[valid], minlength=len(first))
        means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return dict(zip(self._labels[first].tolist(), means.tolist(), strict=True))

    def subset(self, mask: NDArray[np.bool_]) -> "RetrievalReport":
        """The report of some of the queries, such as those of known classes.

        Args:
            mask: True for the queries that stay, `(queries,)`.
        """
        return RetrievalReport(
            {name: values[mask] for name, values in self.per_query.items()},
            None if self._labels is None else self._labels[mask],
            self.num_relevant[mask],
            self._average,
        )

    def confidence_interval(
        self, name: str, level: float = 0.95, num_samples: int = 1000, seed: int = 0
    ) -> tuple[float, float]:
        """Percentile bootstrap over queries: see `bootstrap_interval`."""
        if self._average == "macro":
            raise ValueError(
                "The bootstrap draws queries, so it belongs to the micro average. "
                "Received: average='macro'"
            )
        return bootstrap_interval(self.per_query[name], level, num_samples, seed)


def _mean(values: NDArray[np.float64]) -> float:
    valid = values[np.isfinite(values)]
    return float(valid.mean()) if len(valid) else float("nan")
