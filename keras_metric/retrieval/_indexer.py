"""The index: what was embedded, found again by its neighbours."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_metric.retrieval import _calibration, _evaluation, _files, _lookups, _ranges, thresholds
from keras_metric.retrieval._arrays import (
    FloatArray,
    IdArray,
    as_embeddings,
    as_ids,
    as_one_embedding,
    check_positive,
)
from keras_metric.retrieval._data import as_data
from keras_metric.retrieval._distances import distance_name
from keras_metric.retrieval._labels import LabelArray, as_labels
from keras_metric.retrieval._similarity import import_similarity
from keras_metric.retrieval._store import ArrayStore
from keras_metric.retrieval.engines import VectorSearch, WrappedSearch, make_engine
from keras_metric.retrieval.engines._base import similarity_distance

_Indexer: Any = import_similarity("indexer").Indexer
_Search: Any = import_similarity("search").Search


class Indexer(_Indexer):
    """tensorflow-similarity's `Indexer`, exact by default, on arrays, without pickles.

    Every verb of the original is there, for embeddings of any Keras backend. Rows keep their
    ids for life; labels may be integers, strings or None; each row may carry data. `search`
    and `range_search` answer in arrays, without an object a neighbour.

    Args:
        embedding_size: Width of the embeddings.
        distance: "cosine", "euclidean", "squared_euclidean", "dot_product" (the negative
            inner product), "manhattan", or a distance object with such a name.
        search: "flat", exact; "hnsw", "ivf", "ivfpq", "nmslib", approximate; or an empty
            `Search` object.
        kv_store: "memory".
        evaluator: "memory", or an `Evaluator` for tensorflow-similarity's own metrics.
        embedding_output: Which output of a model with several is the embedding.
        stat_buffer_size: How many look-ups `stats` looks back on.
        search_params: Parameters of the engine, such as `{"links": 16}` for "hnsw".

    Attributes:
        engine: The `Search` that finds neighbours.
        metric: Name of the distance.
        kv_store: The rows: `ids`, `embeddings`, `labels`, `data`.

    Raises:
        ValueError: An argument out of range, or an unknown name.

    Example:
        >>> index = Indexer(embedding_size=1, distance="euclidean")
        >>> index.batch_add([[0.0], [4.0]], labels=["low", "high"])
        array([0, 1])
        >>> index.search([[1.0]], k=2)
        (array([[0, 1]]), array([[1., 3.]], dtype=float32), array([['low', 'high']], dtype=object))
    """

    def __init__(
        self,
        embedding_size: int,
        distance: Any = "cosine",
        search: Any = "flat",
        kv_store: str = "memory",
        evaluator: Any = "memory",
        embedding_output: int | None = None,
        stat_buffer_size: int = 1000,
        search_params: dict[str, Any] | None = None,
    ) -> None:
        self.metric = distance_name(distance)
        self.search_params = dict(search_params or {})
        check_positive(embedding_size, "embedding_size")
        if kv_store != "memory":
            raise ValueError(f"`kv_store` must be 'memory'. Received: kv_store={kv_store!r}")
        super().__init__(
            embedding_size, similarity_distance(self.metric), search, kv_store, evaluator,
            embedding_output, check_positive(stat_buffer_size, "stat_buffer_size"),
        )  # fmt: skip

    def _init_structures(self) -> None:
        """Start empty; the original calls it from its constructor and from `reset`."""
        evaluators = import_similarity("evaluators")
        is_evaluator = isinstance(self.evaluator_type, evaluators.Evaluator)
        if self.evaluator_type != "memory" and not is_evaluator:
            raise ValueError(
                "`evaluator` must be 'memory' or an Evaluator. "
                f"Received: evaluator={self.evaluator_type!r}"
            )
        self.engine = self._make_engine()
        self.kv_store = ArrayStore(self.embedding_size)
        self.evaluator = self.evaluator_type if is_evaluator else evaluators.MemoryEvaluator()
        _lookups.reset_stats(self)
        _calibration.reset(self)

    def _make_engine(self) -> VectorSearch:
        given = self.search_type
        if isinstance(given, str):
            return make_engine(given, self.metric, self.embedding_size, self.search_params)
        engine = self._checked_engine(given)
        if hasattr(self, "engine"):
            engine.reset()
        elif engine.size():
            raise ValueError(
                "The search must be empty. "
                f"Received: {type(engine).__name__} with {engine.size()} rows"
            )
        return engine

    def _checked_engine(self, given: Any) -> VectorSearch:
        if not isinstance(given, _Search):
            raise ValueError(
                f"`search` must be the name of an engine or a Search. Received: search={given!r}"
            )
        engine = given if isinstance(given, VectorSearch) else WrappedSearch(given)
        if (engine.dim, engine.metric) != (self.embedding_size, self.metric):
            raise ValueError(
                f"The search must have dim {self.embedding_size} and distance {self.metric!r}. "
                f"Received: search with dim {engine.dim} and distance {engine.metric!r}"
            )
        return engine

    def add(
        self, prediction: Any, label: Any = None, data: Any = None, build: bool = True,
        verbose: int = 1,
    ) -> int:  # fmt: skip
        """Add one embedding, `(dim,)` or `(1, dim)`, and return its id."""
        embedding = as_one_embedding(self._get_embeddings(prediction), self.embedding_size)
        return int(self.batch_add(embedding, [label], [data])[0])

    def batch_add(
        self,
        predictions: Any,
        labels: Any = None,
        data: Any = None,
        build: bool = True,
        verbose: int = 1,
        ids: Any = None,
    ) -> IdArray:
        """Add embeddings; either all of them come in or, after an error, none.

        Args:
            predictions: `(rows, dim)`.
            labels: `(rows,)`: integers, strings or None; None for no labels.
            data: One entry a row: None, numbers, strings, bytes, arrays, or lists, tuples or
                dicts with string keys of these.
            build: Nothing: engines that learn from rows do so at the next search.
            verbose: Nothing: adding is fast.
            ids: Own ids, distinct, not negative and new; None counts on from the last.

        Returns:
            The ids, `(rows,)`.

        Raises:
            ValueError: Lengths differ, embeddings are not finite rows of the index's width,
                an id is taken, or labels or data are of a kind that cannot be kept.
        """
        rows = as_embeddings(self._get_embeddings(predictions), "predictions", self.embedding_size)
        kept_labels, kept_data = as_labels(labels, len(rows)), as_data(data, len(rows))
        new = self.kv_store.new_ids(len(rows)) if ids is None else self._own_ids(ids, len(rows))
        if len(rows):
            self.engine.insert_labelled(rows, new, kept_labels)
            self.kv_store.append(new, rows, kept_labels, kept_data)
        return new

    def _own_ids(self, ids: Any, count: int) -> IdArray:
        array = as_ids(ids)
        taken = array[self.kv_store.has(array)]
        if len(array) != count or (count and array.min() < 0) or len(taken):
            raise ValueError(
                f"`ids` must be {count} new ids of at least 0. Received: ids of length "
                f"{len(array)}, from {array.min(initial=0)}, {len(taken)} of them taken"
            )
        return array

    def remove(self, ids: Any) -> None:
        """Take rows out by id; the others keep theirs, and these are not given again.

        Raises:
            ValueError: An id that the index does not have, or one given twice.
        """
        array = as_ids(ids)
        self.kv_store.rows_of(array)
        if len(array):
            self.engine.remove(array)
            self.kv_store.remove(array)

    def update(
        self, ids: Any, predictions: Any = None, labels: Any = None, data: Any = None
    ) -> None:
        """Replace embeddings, labels or data of rows; what is None stays as it is.

        Raises:
            ValueError: As `batch_add`, or an id that the index does not have.
        """
        array, store = as_ids(ids), self.kv_store
        places, count = store.rows_of(array), len(array)
        rows = store.embeddings[places]
        if predictions is not None:
            given = self._get_embeddings(predictions)
            rows = as_embeddings(given, "predictions", self.embedding_size)
        if len(rows) != count:
            raise ValueError(f"`predictions` must be {count}. Received: {len(rows)} rows")
        new_labels = store.labels[places] if labels is None else as_labels(labels, count)
        kept = [store.data[place] for place in places]
        new_data = kept if data is None else as_data(data, count)
        is_searched = predictions is not None or (labels is not None and self.engine.labelled)
        if is_searched and count:
            self.engine.remove(array)
            self.engine.insert_labelled(rows, array, new_labels)
        store.replace(places, rows, new_labels, new_data)

    def rebuild(self) -> None:
        """Start the engine anew from the rows, as after many changes."""
        self.engine.reset()
        if self.size():
            store = self.kv_store
            self.engine.insert_labelled(store.embeddings, store.ids, store.labels)

    def search(
        self, queries: Any, k: int = 5, verbose: int = 0
    ) -> tuple[IdArray, FloatArray, LabelArray]:
        """The k nearest rows of each query, as arrays.

        Rows at equal distance come in the order of their ids; which of several that are tied
        for the last place is found is the engine's choice. An approximate engine may find
        fewer than k: the rest is id -1, distance infinity, label None.

        Args:
            queries: `(queries, dim)`.
            k: How many; beyond the size of the index, all of it.
            verbose: 1 shows a progress bar.

        Returns:
            Ids, distances and labels, each `(queries, min(k, size))`, nearest first.

        Raises:
            ValueError: The index is empty, or `queries` or `k` are not right.
        """
        rows = as_embeddings(self._get_embeddings(queries), "queries", self.embedding_size)
        ids, distances = _lookups.search(self, rows, check_positive(k), verbose)
        return ids, distances, _lookups.labels_of(self, ids)

    def range_search(
        self, queries: Any, radius: float, verbose: int = 0
    ) -> tuple[IdArray, FloatArray, LabelArray, IdArray]:
        """All rows within a distance of each query; exact with every engine.

        Args:
            queries: `(queries, dim)`.
            radius: Largest distance, included.
            verbose: 1 shows a progress bar.

        Returns:
            Ids, distances and labels of all queries one after another, each query's nearest
            first, and `(queries + 1,)` splits: query q has `[splits[q]:splits[q + 1]]`.

        Raises:
            ValueError: The index is empty, or `queries` or `radius` are not right.
        """
        rows = as_embeddings(self._get_embeddings(queries), "queries", self.embedding_size)
        ids, distances, splits = _ranges.range_search(self, rows, radius, verbose)
        return ids, distances, _lookups.labels_of(self, ids), splits

    def single_lookup(self, prediction: Any, k: int = 5) -> list[Any]:
        """The k nearest of one embedding, `(dim,)` or `(1, dim)`, as `Lookup` objects."""
        embedding = as_one_embedding(self._get_embeddings(prediction), self.embedding_size)
        return self.batch_lookup(embedding, k, verbose=0)[0]

    def batch_lookup(self, predictions: Any, k: int = 5, verbose: int = 1) -> list[list[Any]]:
        """The k nearest of each embedding as `Lookup` objects, fewer where there are fewer."""
        ids, distances, labels = self.search(predictions, k, verbose)
        return _lookups.as_objects(self, ids, distances, labels)

    def evaluate_retrieval(
        self,
        predictions: Any,
        target_labels: Any,
        retrieval_metrics: Any,
        verbose: int = 1,
        ids: Any = None,
    ) -> dict[str, Any]:
        """Retrieval measures of queries against the index.

        Metrics of `keras_metric.retrieval` are exact on an exact engine, whatever the number
        of relevant rows; on an approximate one they measure what the engine finds, in lists
        as long as they need. Other `RetrievalMetric`s are computed as tensorflow-similarity
        does.

        Args:
            predictions: Queries, `(queries, dim)`.
            target_labels: Their labels, `(queries,)`.
            retrieval_metrics: `RetrievalMetric` objects with different names.
            verbose: 1 shows a progress bar.
            ids: Ids of the queries where they are rows of the index: a query is then not its
                own neighbour.

        Returns:
            The mean of each metric, by its name.

        Raises:
            ValueError: Lengths differ, or two metrics have one name.
        """
        queries = as_embeddings(
            self._get_embeddings(predictions), "predictions", self.embedding_size
        )
        return _evaluation.evaluate_retrieval(
            self, queries, target_labels, retrieval_metrics, verbose, ids
        )

    def calibrate(
        self,
        predictions: Any,
        target_labels: Any,
        thresholds_targets: Mapping[str, Any] | None = None,
        calibration_metric: Any = "f1",
        k: int = 1,
        matcher: Any = "match_nearest",
        extra_metrics: Sequence[Any] = ("precision", "recall"),
        rounding: int = 2,
        verbose: int = 1,
    ) -> Any:
        """Find distances up to which a match is accepted.

        Args:
            predictions: Queries, `(queries, dim)`.
            target_labels: Their labels; ones that the index does not have are queries of
                unknown classes, to be refused.
            thresholds_targets: What to reach, by the name of a cutpoint: `("precision",
                0.99)`, or a number, meant for the metric the key names, else for
                `calibration_metric`. Of the thresholds that reach precision, f1 or fpr the
                loosest is taken, of those that reach recall or fnr the tightest.
            calibration_metric: "precision", "recall", "f1", "fpr", "fnr" (defined in
                `keras_metric.retrieval.thresholds`), or a `ClassificationMetric`; "optimal"
                is where it is best.
            k: Neighbours the matcher sees.
            matcher: "match_nearest", "match_majority_vote", or a `ClassificationMatch`.
            extra_metrics: More metrics to report.
            rounding: Nothing: values are not rounded.
            verbose: 1 prints the cutpoints.

        Returns:
            `CalibrationResults`: the cutpoints, and every metric at every distinct distance.

        Raises:
            ValueError: A target cannot be reached; the message says what can.
        """
        found = _calibration.outcomes(self, predictions, target_labels, k, matcher)
        results = _calibration.calibrate(
            self, found, thresholds_targets or {}, calibration_metric, extra_metrics
        )
        if verbose:
            for point in results.cutpoints.values():
                print(", ".join(f"{name}: {value}" for name, value in point.items()))
        return results

    def match(
        self, predictions: Any, no_match_label: Any = -1, k: int = 1,
        matcher: Any = "match_nearest", verbose: int = 1,
    ) -> dict[str, list[Any]]:  # fmt: skip
        """For each cutpoint one label a query, or `no_match_label`.

        Raises:
            ValueError: The index was not calibrated.
        """
        return _calibration.match(self, predictions, no_match_label, k, matcher)

    def evaluate_classification(
        self, predictions: Any, target_labels: Any, distance_thresholds: Any,
        metrics: Sequence[Any] = ("f1",), matcher: Any = "match_nearest", k: int = 1,
        verbose: int = 1,
    ) -> dict[str, Any]:  # fmt: skip
        """Metrics of `calibrate` at given distances, in the order given."""
        found = _calibration.outcomes(self, predictions, target_labels, k, matcher)
        return _calibration.classify(found, distance_thresholds, metrics)

    def evaluate_open_set(
        self, predictions: Any, target_labels: Any, cutpoint: Any = "optimal", k: int = 1,
        matcher: Any = "match_nearest",
    ) -> dict[str, float]:  # fmt: skip
        """Queries of known and of unknown classes, apart: see `thresholds.open_set`.

        Args:
            predictions: Queries, `(queries, dim)`.
            target_labels: Their labels; unknown is what the index does not have.
            cutpoint: A distance, or the name of a cutpoint of `calibrate`.
            k: Neighbours the matcher sees.
            matcher: As in `calibrate`.
        """
        limit = _calibration.threshold_of(self, cutpoint)
        found = _calibration.outcomes(self, predictions, target_labels, k, matcher)
        return thresholds.open_set(found, limit)

    def size(self) -> int:
        """Number of rows."""
        return int(self.kv_store.size())

    def save(self, path: str | Path, compression: bool = True) -> None:
        """Write the index to a folder, as a whole or not at all.

        Args:
            path: Folder, made if it is not there; an index in it is replaced.
            compression: Nothing: arrays are stored as they are, to be read at once.

        Raises:
            OSError: The folder cannot be written or the disk is full; what was there stays.
        """
        _files.save(self, path)

    @classmethod
    def load(cls, path: str | Path, verbose: int = 1, search: Any = None) -> "Indexer":
        """Read a folder that `save` wrote.

        Args:
            path: The folder.
            verbose: Nothing: loading is fast.
            search: A `Search` object, where the index was saved with one: empty, or a
                `MilvusSearch` on the same collection.

        Raises:
            FileNotFoundError: There is no index.
            ValueError: It is truncated, altered, or of another kind or version.
        """
        return _files.load(cls, path, search)
