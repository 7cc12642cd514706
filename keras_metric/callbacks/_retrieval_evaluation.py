"""Retrieval measures while `fit` runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_metric.callbacks._schedule import is_due
from keras_metric.retrieval._arrays import check_choice, check_positive
from keras_metric.retrieval._distances import distance_name
from keras_metric.retrieval._embedder import Embedder, EmbeddingChoice
from keras_metric.retrieval._labels import as_labels, factorize

DEFAULT_MEASURES = ("recall_at_1", "map_at_r", "r_precision")


class RetrievalEvaluation(keras.callbacks.Callback):
    """Measures how well the embedding retrieves, at the end of epochs.

    The measures are those of `keras_metric.retrieval.measures.evaluate`, exact and with its
    tie policy. They go into the epoch's `logs`, under `prefix` and the measure's name, such
    as "val_map_at_r", and so into the history. Callbacks that come *later* in the list
    see them: put this one before `EarlyStopping`, `ModelCheckpoint` and `TensorBoard`, and
    give those `mode="max"`, which Keras cannot guess. An epoch that is not measured has no
    such keys.

    Args:
        x: Queries: an array, a dict or tuple of arrays, or a dataset of batches `(x, y)` (a
            `tf.data.Dataset`, a `PyDataset`, a grain dataset, a PyTorch `DataLoader`).
        y: Labels of an array, `(queries,)`: integers, strings or None.
        gallery: Rows to search, as `x`. None searches the queries, each without itself.
        gallery_labels: Labels of a gallery that is an array.
        measures: Names, as "recall_at_5", "precision_at_1", "map_at_r", "mrr", "ndcg_at_10".
        distance: "cosine", "euclidean", "squared_euclidean", "dot_product", "manhattan".
        embedding: What of the model is the embedding: None, its only output; an integer or a
            string, one output of several; a string, a sub-model or a layer by its name or by
            the attribute that holds it; a `keras.Model` that shares its weights; or a
            function from the model to such a model.
        known_classes: Labels that were trained on. Queries of these and of other classes are
            then also measured apart, under "..._known" and "..._unknown"; both search the
            whole gallery.
        average: "micro", the mean over queries, or "macro", over the classes' means.
        every: Measure every so many epochs, and after the last.
        prefix: Of the keys.
        batch_size: Rows of an array that go through the model at a time.
        log_dir: Folder for TensorBoard scalars, for runs without Keras's `TensorBoard`
            callback; needs TensorFlow and tensorboard, whichever backend trains.
        verbose: 1 shows progress bars and prints the measures.

    Attributes:
        reports: For each measured epoch, from 0, its `RetrievalReport`.

    Raises:
        ValueError: An argument out of range, or an unknown name.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        gallery: Any = None,
        gallery_labels: Any = None,
        measures: Sequence[str] = DEFAULT_MEASURES,
        distance: Any = "cosine",
        embedding: EmbeddingChoice = None,
        known_classes: Any = None,
        average: str = "micro",
        every: int = 1,
        prefix: str = "val_",
        batch_size: int = 128,
        log_dir: str | Path | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__()
        if gallery is None and gallery_labels is not None:
            raise ValueError("`gallery_labels` needs a `gallery`. Received: gallery=None")
        self._queries, self._gallery = (x, y), (gallery, gallery_labels)
        self._measures, self._distance = list(measures), distance_name(distance)
        self._embedding = embedding
        self._known = None if known_classes is None else list(known_classes)
        self._average = check_choice(average, "average", ("micro", "macro"))
        self._every, self._prefix = check_positive(every, "every"), str(prefix)
        self._batch_size = check_positive(batch_size, "batch_size")
        self._log_dir, self._verbose = log_dir, verbose
        self._writer: Any = None
        self._embedder: Embedder | None = None
        self.reports: dict[int, Any] = {}
        _check_names(self._measures)

    def on_train_begin(self, logs: Any = None) -> None:
        """Find the embedding, so that a wrong name fails before the first epoch."""
        self._embedder = Embedder(self.model, self._embedding)
        if self._log_dir is not None:
            self._writer = _writer(self._log_dir)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measure, and put the means into the logs."""
        if not is_due(epoch, self._every, self.params):
            return
        found = self.evaluate(epoch)
        if logs is not None:
            logs.update(found)
        if self._verbose:
            print(" - ".join(f"{name}: {value:.4f}" for name, value in found.items()))
        if self._writer is not None:
            import tensorflow as tf

            with self._writer.as_default():
                for name, value in found.items():
                    tf.summary.scalar(f"epoch_{name}", value, step=epoch)
            self._writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the scalars."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def evaluate(self, epoch: int = 0) -> dict[str, float]:
        """The measures of the model as it is now, by the keys they have in `logs`."""
        from keras_metric.retrieval import measures

        model = self.model  # under JAX this brings the variables up to date
        embedder = self._embedder or Embedder(model, self._embedding)
        queries, labels = self._embed(embedder, self._queries, "x")
        rows, names = None, None
        if self._gallery[0] is not None:
            rows, names = self._embed(embedder, self._gallery, "gallery")
        report = measures.evaluate(
            queries, labels, rows, names, measures=self._measures, distance=self._distance,
            average=self._average, verbose=self._verbose,
        )  # fmt: skip
        self.reports[epoch] = report
        return self._keys(report, labels)

    def _embed(self, embedder: Embedder, given: tuple[Any, Any], name: str) -> tuple[Any, Any]:
        embeddings, labels = embedder.embed(*given, self._batch_size, self._verbose)
        if labels is None:
            raise ValueError(
                f"`{name}` needs labels: an array of them, or a dataset of (x, y). "
                f"Received: {name} without labels"
            )
        return embeddings, labels

    def _keys(self, report: Any, labels: Any) -> dict[str, float]:
        found = {f"{self._prefix}{name}": float(value) for name, value in report.items()}
        if self._known is not None:
            is_known = _is_in(labels, self._known)
            for part, mask in (("known", is_known), ("unknown", ~is_known)):
                apart = report.subset(mask)
                found |= {f"{self._prefix}{n}_{part}": float(v) for n, v in apart.items()}
        return found


def _writer(folder: str | Path) -> Any:
    try:
        import tensorboard  # noqa: F401 - tf.summary writes nothing without it
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            '`log_dir` needs TensorFlow and `pip install "keras-metric[tensorboard]"`'
        ) from error
    return tf.summary.create_file_writer(str(folder))


def _check_names(names: list[str]) -> None:
    from keras_metric.retrieval.measures._formulas import make_measure

    if not names:
        raise ValueError("`measures` must be names in a list. Received: measures=[]")
    for name in names:
        make_measure(name)


def _is_in(labels: Any, classes: list[Any]) -> Any:
    codes, known = factorize(labels, as_labels(classes, None, "known_classes"))
    return np.isin(codes, known)
