"""From images to answers: a model and an index in one."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval import _evaluation, _files
from keras_metric.retrieval._arrays import FloatArray, IdArray, check_choice, check_positive
from keras_metric.retrieval._distances import distance_name
from keras_metric.retrieval._embedder import Embedder, EmbeddingChoice
from keras_metric.retrieval._folder import read_folder, write_folder
from keras_metric.retrieval._indexer import Indexer
from keras_metric.retrieval._labels import LabelArray, as_labels
from keras_metric.retrieval.engines import ENGINES
from keras_metric.retrieval.measures._evaluate import DEFAULT_MEASURES
from keras_metric.retrieval.measures._report import RetrievalReport

_FORMAT = "keras_metric.similarity_search"
_MODEL = "model"


class SimilaritySearch:
    """A model and an index of what it embedded: images in, neighbours and labels out.

    Every `x` is an array (or a dict or tuple of arrays, for a model with several inputs), or
    a dataset of batches `x` or `(x, y)`: a `tf.data.Dataset`, a `PyDataset`, a grain dataset
    or a PyTorch `DataLoader`. A dataset brings its own labels, and is read once.

    Args:
        model: Any Keras model.
        distance: As in `Indexer`.
        search: As in `Indexer`.
        search_params: As in `Indexer`.
        embedding: What of the model is the embedding: None, its only output; an integer or a
            string, one output of several; a string, a sub-model or a layer; a `keras.Model`
            that shares its weights; or a function from the model to such a model.
        batch_size: Rows of an array that go through the model at a time.

    Raises:
        TypeError: `model` is no Keras model.
        ValueError: An argument out of range, or an unknown name.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Identity()])
        >>> search = SimilaritySearch(model, distance="euclidean")
        >>> search.index(np.array([[0.0], [4.0]]), ["low", "high"])
        array([0, 1])
        >>> search.lookup(np.array([[1.0]]), k=2)
        (array([[0, 1]]), array([[1., 3.]], dtype=float32), array([['low', 'high']], dtype=object))
    """

    def __init__(
        self,
        model: keras.Model,
        distance: Any = "cosine",
        search: Any = "flat",
        search_params: dict[str, Any] | None = None,
        embedding: EmbeddingChoice = None,
        batch_size: int = 128,
    ) -> None:
        self._embedder = Embedder(model, embedding)
        self._options = {"distance": distance, "search": search, "search_params": search_params}
        self._index: Indexer | None = None
        self.batch_size = check_positive(batch_size, "batch_size")
        distance_name(distance)  # a wrong name fails now, not after all was embedded
        if isinstance(search, str):
            check_choice(search, "search", tuple(ENGINES))

    @property
    def model(self) -> keras.Model:
        """The model that runs: the one given, or the part of it that makes the embedding."""
        return self._embedder.model

    def embed(self, x: Any, y: Any = None, verbose: int = 0) -> tuple[FloatArray, Any]:
        """Embeddings `(rows, dim)`, and their labels or None."""
        return self._embedder.embed(x, y, self.batch_size, verbose)

    def index(
        self, x: Any, y: Any = None, data: Any = None, ids: Any = None, verbose: int = 0
    ) -> IdArray:
        """Embed rows and add them; either all of them come in or, after an error, none.

        Args:
            x: Arrays or a dataset.
            y: Labels of arrays, `(rows,)`: integers, strings or None.
            data: One entry a row, to be found again in look-ups, as paths or images.
            ids: Own ids; None counts on from the last.
            verbose: 1 shows a progress bar.

        Returns:
            The ids, `(rows,)`.
        """
        embeddings, labels = self.embed(x, y, verbose)
        if self._index is None:
            self._index = Indexer(embeddings.shape[1], **self._options)
        return self._index.batch_add(embeddings, labels, data, ids=ids)

    @property
    def indexer(self) -> Indexer:
        """The `Indexer` behind it, whose verbs take embeddings.

        Raises:
            ValueError: Nothing was indexed yet.
        """
        if self._index is None:
            raise ValueError("Call `index` first. Received: a search without rows")
        return self._index

    def size(self) -> int:
        """Number of rows."""
        return 0 if self._index is None else self._index.size()

    def lookup(
        self, x: Any, k: int = 5, verbose: int = 0
    ) -> tuple[IdArray, FloatArray, LabelArray]:
        """Ids, distances and labels of each row's k nearest, as `Indexer.search`."""
        return self.indexer.search(self.embed(x, verbose=verbose)[0], k, verbose)

    def data(self, ids: Any) -> list[Any]:
        """What was handed over as `data` with these ids, flat."""
        flat = np.ravel(np.asarray(ids, np.int64))
        return [self.indexer.kv_store.data[row] for row in self.indexer.kv_store.rows_of(flat)]

    def calibrate(
        self, x: Any, y: Any = None, targets: Mapping[str, Any] | None = None,
        metric: Any = "f1", k: int = 1, matcher: Any = "match_nearest", verbose: int = 0,
    ) -> Any:  # fmt: skip
        """Find distances up to which a match is accepted, as `Indexer.calibrate`."""
        embeddings, labels = self._labelled(x, y, verbose)
        return self.indexer.calibrate(
            embeddings, labels, targets, metric, k, matcher, verbose=verbose
        )

    def match(
        self, x: Any, cutpoint: str = "optimal", no_match: Any = None, k: int = 1,
        matcher: Any = "match_nearest", verbose: int = 0,
    ) -> NDArray[Any]:  # fmt: skip
        """One label a row, or `no_match` where the nearest is farther than a threshold.

        Args:
            x: Arrays or a dataset.
            cutpoint: A threshold that `calibrate` found, by name.
            no_match: What stands for "none of them".
            k: Neighbours the matcher sees.
            matcher: As in `calibrate`.
            verbose: 1 shows a progress bar.

        Returns:
            `(rows,)`, of integers where all are, else of objects.

        Raises:
            ValueError: `calibrate` was not called, or knows no such threshold.
        """
        index = self.indexer
        if index.cutpoints:
            check_choice(cutpoint, "cutpoint", tuple(index.cutpoints))
        found = index.match(self.embed(x, verbose=verbose)[0], None, k, matcher)[cutpoint]
        if no_match is not None:
            found = [no_match if label is None else label for label in found]
        return as_labels(found, len(found))

    def evaluate(
        self, x: Any, y: Any = None, measures: Sequence[str] = DEFAULT_MEASURES,
        ids: Any = None, average: str = "micro", verbose: int = 0,
    ) -> RetrievalReport:  # fmt: skip
        """Retrieval measures of labelled rows against the index.

        Args:
            x: Arrays or a dataset.
            y: Labels of arrays.
            measures: Names, as in `keras_metric.retrieval.measures.evaluate`. Exact on an
                exact engine; else they measure what the engine finds.
            ids: Ids of rows that are in the index: each is then not its own neighbour.
            average: "micro", the mean over rows, or "macro", over the classes' means.
            verbose: 1 shows a progress bar.
        """
        embeddings, labels = self._labelled(x, y, verbose)
        return _evaluation.report_of(
            self.indexer, embeddings, labels, measures, verbose, ids, average
        )

    def save(self, path: str | Path) -> None:
        """Write the model and the index to one folder, as a whole or not at all.

        Raises:
            OSError: The folder cannot be written or the disk is full; what was there stays.
        """
        arrays, config = _files.pack(self.indexer)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.keras"
            self.model.save(file)
            arrays[_MODEL] = np.fromfile(file, np.uint8)
        own = {"index": config, "embedding": self._embedder.output, "batch_size": self.batch_size}
        write_folder(path, _FORMAT, arrays, own)

    @classmethod
    def load(
        cls, path: str | Path, custom_objects: Mapping[str, Any] | None = None, search: Any = None
    ) -> "SimilaritySearch":
        """Read a folder that `save` wrote.

        The model is read in Keras's safe mode, which runs no code that comes with it.

        Args:
            path: The folder.
            custom_objects: Layers of the model that are not registered with Keras, by name.
            search: An empty `Search` object, where the index was made with one.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is truncated, altered, or of another kind or version.
        """
        arrays, config = read_folder(path, _FORMAT)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.keras"
            arrays.pop(_MODEL).tofile(file)
            model = keras.saving.load_model(file, custom_objects=custom_objects, compile=False)
        index = _files.unpack(Indexer, arrays, config["index"], search)
        made = cls(
            model, index.metric, index.search_type, index.search_params or None,
            config["embedding"], config["batch_size"],
        )  # fmt: skip
        made._index = index
        return made

    def _labelled(self, x: Any, y: Any, verbose: int) -> tuple[FloatArray, LabelArray]:
        embeddings, labels = self.embed(x, y, verbose)
        if labels is None:
            raise ValueError("Labels are needed: `y`, or a dataset of (x, y). Received: y=None")
        return embeddings, labels
