"""tensorflow-similarity's `RetrievalMetric`, exact: for `Indexer.evaluate_retrieval`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_metric.retrieval._arrays import as_array, check_choice, check_positive
from keras_metric.retrieval._similarity import import_similarity
from keras_metric.retrieval.measures._formulas import Measure, RankedQuery, make_measure
from keras_metric.retrieval.measures._report import RetrievalReport

_RetrievalMetric: Any = import_similarity("retrieval_metrics").RetrievalMetric


class ExactMetric(_RetrievalMetric):
    """Abstract base: one of `keras_metric.retrieval.measures` as a `RetrievalMetric`.

    `Indexer.evaluate_retrieval` of this package computes it from ranks in the whole gallery
    and leaves a query out of its own neighbours by id. Its name is that of the measure, with
    "_macro" for a macro average, so that no two different metrics share a name.

    Args:
        measure: Name of the measure.
        k: Number of neighbours, 1 where the measure has none.
        average: "micro", the mean over queries, or "macro", over the classes' means.
    """

    def __init__(self, measure: str, k: int = 1, average: str = "micro") -> None:
        self.measure: Measure = make_measure(measure)
        check_choice(average, "average", ("micro", "macro"))
        super().__init__(measure, canonical_name=measure, k=k, average=average)

    @property
    def name(self) -> str:
        """Key of the result."""
        return self._name if self.average == "micro" else f"{self._name}_macro"

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, and the name of the measure."""
        return {"name": self.name, "canonical_name": self._name, "k": self.k,
                "average": self.average}  # fmt: skip

    def compute(
        self,
        *,
        query_labels: Any,
        match_mask: Any,
        num_relevant: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> float:
        """The metric of neighbour lists alone, as tensorflow-similarity's evaluator calls it.

        Args:
            query_labels: `(queries,)`.
            match_mask: `(queries, neighbours)`, true where a neighbour is relevant.
            num_relevant: Relevant gallery rows of each query; only recall, precision and MRR
                can do without.

        Raises:
            ValueError: The measure needs `num_relevant`, or more neighbours than came.
        """
        mask, labels = as_array(match_mask), as_array(query_labels)
        if num_relevant is None and self.canonical_name.startswith(("map_", "ndcg_", "r_")):
            raise ValueError(
                f"{self.name} needs the number of relevant rows in the gallery: call "
                "evaluate_retrieval of keras_metric's Indexer. Received: num_relevant=None"
            )
        if num_relevant is None:
            num_relevant = np.maximum(mask.sum(axis=1), 1).tolist()
        depth = max(num_relevant, default=0) if self.measure.to_r else self.k
        if mask.shape[1] < depth:
            raise ValueError(
                f"{self.name} needs {depth} neighbours a query. Received: {mask.shape[1]}"
            )
        values = [
            self.measure(RankedQuery(np.flatnonzero(row) + 1, count, mask.shape[1]))
            for row, count in zip(mask, num_relevant, strict=True)
        ]
        report = RetrievalReport(
            {self.name: np.array(values)}, labels, np.asarray(num_relevant), self.average
        )
        return report[self.name]


class RecallAtK(ExactMetric):
    """Share of queries with something relevant among their k nearest.

    Example:
        >>> RecallAtK(k=5).name
        'recall_at_5'
    """

    def __init__(self, k: int = 1, average: str = "micro") -> None:
        super().__init__(f"recall_at_{check_positive(k)}", k, average)


class PrecisionAtK(ExactMetric):
    """Share of the k nearest that are relevant."""

    def __init__(self, k: int = 1, average: str = "micro") -> None:
        super().__init__(f"precision_at_{check_positive(k)}", k, average)


class MapAtK(ExactMetric):
    """Mean average precision over the k nearest, divided by min(R, k)."""

    def __init__(self, k: int = 10, average: str = "micro") -> None:
        super().__init__(f"map_at_{check_positive(k)}", k, average)


class NdcgAtK(ExactMetric):
    """Normalized discounted cumulative gain over the k nearest."""

    def __init__(self, k: int = 10, average: str = "micro") -> None:
        super().__init__(f"ndcg_at_{check_positive(k)}", k, average)


class MapAtR(ExactMetric):
    """Mean average precision at R, R being the relevant rows of the gallery."""

    def __init__(self, average: str = "micro") -> None:
        super().__init__("map_at_r", average=average)


class RPrecision(ExactMetric):
    """Share of the R nearest that are relevant, R being the relevant rows of the gallery."""

    def __init__(self, average: str = "micro") -> None:
        super().__init__("r_precision", average=average)


class ReciprocalRank(ExactMetric):
    """One over the rank of the nearest relevant row."""

    def __init__(self, average: str = "micro") -> None:
        super().__init__("mrr", average=average)
