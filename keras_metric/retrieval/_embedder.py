"""From a Keras model and its inputs to embeddings, with their labels."""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
from tqdm.auto import tqdm

from keras_metric.retrieval._arrays import FloatArray, as_array, as_embeddings
from keras_metric.retrieval._batches import batches
from keras_metric.retrieval._labels import LabelArray, as_labels, join_labels

EmbeddingChoice: TypeAlias = int | str | keras.Model | Callable[[keras.Model], keras.Model] | None


class Embedder:
    """Runs a model on batches and keeps the output that is the embedding.

    Args:
        model: Any Keras model.
        embedding: What of it is the embedding: None, its only output; an integer or a
            string, one output of several; a string, a sub-model or a layer by its name or
            by the attribute that holds it; a `keras.Model` that shares its weights; or a
            function from the model to such a model.

    Attributes:
        model: The model that runs.
        output: The output of it that is the embedding; None where it has one.

    Raises:
        TypeError: Something is no Keras model.
        ValueError: The model has no such part.
    """

    def __init__(self, model: keras.Model, embedding: EmbeddingChoice = None) -> None:
        self.model, self.output = _part(_checked(model, "model"), embedding)

    def __call__(self, x: Any) -> FloatArray:
        """Embeddings of one batch, `(rows, dim)`, finite."""
        return as_embeddings(self._select(self.model.predict_on_batch(x)), "embeddings")

    def embed(
        self, x: Any, y: Any = None, batch_size: int = 128, verbose: int = 0
    ) -> tuple[FloatArray, LabelArray | None]:
        """Embeddings `(rows, dim)`, and labels `(rows,)` where there are any.

        Args:
            x: Arrays, or a dataset of batches; see `batches`.
            y: Labels of arrays.
            batch_size: Rows that go through the model at a time, where `x` is arrays.
            verbose: 1 shows a progress bar.

        Raises:
            ValueError: `x` is empty or endless, lengths differ, or an embedding is not
                finite.
        """
        found, count = batches(x, y, batch_size)
        embeddings, labels = [], []
        for part, names in tqdm(found, "Embedding", count, disable=not verbose):
            embeddings.append(self(part))
            if names is not None:
                labels.append(as_labels(names, len(embeddings[-1])))
        if not embeddings:
            raise ValueError("`x` must hold at least one row. Received: an empty x")
        if labels and len(labels) != len(embeddings):
            raise ValueError("Every batch must have labels, or none. Received: some with, some not")
        return np.concatenate(embeddings), join_labels(labels) if labels else None

    def _select(self, outputs: Any) -> Any:
        if self.output is None:
            flat = keras.tree.flatten(outputs)
            if len(flat) != 1:
                raise ValueError(
                    "`embedding` must say which output is the embedding. "
                    f"Received: embedding=None and a model with {len(flat)} outputs"
                )
            return flat[0]
        try:
            return as_array(outputs[self.output])
        except (KeyError, IndexError, TypeError) as error:
            names = list(outputs) if isinstance(outputs, dict) else len(keras.tree.flatten(outputs))
            raise ValueError(
                f"`embedding` must be one of the model's outputs ({names}), layers or "
                f"attributes. Received: embedding={self.output!r}"
            ) from error


def _part(model: keras.Model, embedding: EmbeddingChoice) -> tuple[keras.Model, int | str | None]:
    """The model to run, and the output to take."""
    if embedding is None or (isinstance(embedding, int) and not isinstance(embedding, bool)):
        return model, embedding
    if isinstance(embedding, keras.Model):
        return embedding, None
    if isinstance(embedding, str):
        return _named(model, embedding)
    if callable(embedding) and not isinstance(embedding, keras.layers.Layer):
        return _checked(embedding(model), "embedding(model)"), None
    raise TypeError(
        "`embedding` must be None, an output's number or name, a layer's name, a Keras model "
        f"or a function that returns one. Received: embedding={embedding!r}"
    )


def _named(model: keras.Model, name: str) -> tuple[keras.Model, str | None]:
    try:
        outputs = model.output
    except (AttributeError, ValueError):  # a subclassed model knows them once it ran
        outputs = None
    if isinstance(outputs, dict) and name in outputs:
        return model, name
    layer = getattr(model, name, None)
    if not isinstance(layer, keras.layers.Layer):
        layer = next((layer for layer in model.layers if layer.name == name), None)
    if isinstance(layer, keras.Model):
        return layer, None
    if layer is None:  # a subclassed model may still return a dict that has it
        return model, name
    try:
        return keras.Model(model.input, layer.output), None
    except (AttributeError, ValueError) as error:
        raise ValueError(
            "A layer that is not a model can be the embedding in a functional model only: hand "
            f"a `keras.Model` that ends in it over. Received: embedding={name!r}"
        ) from error


def _checked(model: Any, name: str) -> keras.Model:
    if not isinstance(model, keras.Model):
        raise TypeError(f"`{name}` must be a Keras model. Received: {name}={model!r}")
    return model
