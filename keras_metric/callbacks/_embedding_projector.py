"""Embeddings for TensorBoard's projector."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_metric._replacing import replacing
from keras_metric.callbacks._schedule import is_due
from keras_metric.retrieval._arrays import as_array, check_positive
from keras_metric.retrieval._embedder import Embedder, EmbeddingChoice
from keras_metric.visualization._thumbnails import as_thumbnails, grid_columns, sprite_sheet

_SHEET_PIXELS = 8192  # TensorBoard takes no larger one


class EmbeddingProjector(keras.callbacks.Callback):
    """Writes embeddings at the end of epochs, for TensorBoard's projector.

    The folder then holds one table of embeddings for each written epoch, their labels, a
    sheet of thumbnails, and `projector_config.pbtxt`, which names them: `tensorboard
    --logdir` shows every epoch under its number. Writing needs no TensorFlow.

    Args:
        log_dir: Folder, made if it is not there.
        x: Rows to embed: an array, a dict or tuple of arrays, or a dataset of batches.
        y: Labels of an array, `(rows,)`.
        images: Thumbnails, `(rows, height, width[, channels])`, values 0 to 255 or 0 to 1.
            None shows points.
        class_names: Name of class 0, class 1, ...
        embedding: As in `RetrievalEvaluation`.
        every: Write every so many epochs, and after the last.
        thumbnail_size: Pixels of a thumbnail's longer side; fewer where the sheet of all of
            them would be larger than 8,192 pixels.
        batch_size: Rows of an array that go through the model at a time.

    Raises:
        ValueError: An argument out of range, or, when it is written, `images` of another
            length or rank.
    """

    def __init__(
        self,
        log_dir: str | Path,
        x: Any,
        y: Any = None,
        images: Any = None,
        class_names: Sequence[str] | None = None,
        embedding: EmbeddingChoice = None,
        every: int = 1,
        thumbnail_size: int = 32,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        self._folder, self._rows, self._embedding = Path(log_dir), (x, y), embedding
        self._images = None if images is None else as_array(images)
        self._class_names = class_names
        self._every = check_positive(every, "every")
        self._size = check_positive(thumbnail_size, "thumbnail_size")
        self._batch_size = check_positive(batch_size, "batch_size")
        self._embedder: Embedder | None = None
        self._epochs: list[int] = []
        self._shared = ""  # lines of the configuration that are the same for every epoch

    def on_train_begin(self, logs: Any = None) -> None:
        """Find the embedding, so that a wrong name fails before the first epoch."""
        self._embedder = Embedder(self.model, self._embedding)
        self._epochs = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the embeddings of this epoch."""
        if is_due(epoch, self._every, self.params):
            self.write(epoch)

    def write(self, epoch: int = 0) -> None:
        """Write the embeddings of the model as it is now, under an epoch, from 0."""
        model = self.model  # under JAX this brings the variables up to date
        embedder = self._embedder or Embedder(model, self._embedding)
        embeddings, labels = embedder.embed(*self._rows, self._batch_size)
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._epochs:
            self._shared = self._write_labels(labels) + self._write_sheet(len(embeddings))
        with replacing(self._folder / _table(epoch)) as stream:
            np.savetxt(stream, embeddings, "%.6g", "\t")
        self._epochs = sorted({*self._epochs, epoch})
        with replacing(self._folder / "projector_config.pbtxt") as stream:
            for written in self._epochs:
                stream.write(f'embeddings {{\n  tensor_name: "epoch {written + 1}"\n')
                stream.write(f'  tensor_path: "{_table(written)}"\n{self._shared}}}\n')

    def _write_labels(self, labels: Any) -> str:
        if labels is None:
            return ""
        with replacing(self._folder / "labels.tsv") as stream:
            for label in labels.tolist():
                name = label if self._class_names is None else self._class_names[label]
                # A tab or a line break in a name would shift all that come after it.
                stream.write(" ".join(str(name).split()) + "\n")
        return '  metadata_path: "labels.tsv"\n'

    def _write_sheet(self, count: int) -> str:
        if self._images is None:
            return ""
        if len(self._images) != count:
            raise ValueError(
                f"`images` must be {count}, one a row. Received: {len(self._images)} images"
            )
        size = min(self._size, _SHEET_PIXELS // grid_columns(count))
        thumbnails = as_thumbnails(self._images, max(1, size))
        with replacing(self._folder / "thumbnails.png", "wb") as stream:
            sprite_sheet(thumbnails).save(stream, format="png")
        width, height = thumbnails[0].size
        return (
            '  sprite {\n    image_path: "thumbnails.png"\n'
            f"    single_image_dim: {width}\n    single_image_dim: {height}\n  }}\n"
        )


def _table(epoch: int) -> str:
    return f"embeddings_{epoch + 1:04d}.tsv"
