"""A queue of past embeddings that a loss compares with."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import as_float
from keras_metric.losses import LabelledBatchLoss, _arguments


@keras.saving.register_keras_serializable(package="keras_metric")
class CrossBatchMemory(keras.layers.Layer):
    """Compares each batch with the embeddings of the last batches, too.

    A batch forms few pairs; embeddings of a few steps ago are still good to compare with. In
    training this layer adds `weight` times the loss of the batch's embeddings, as anchors,
    against the stored ones, as positives and negatives, and then stores the batch in place of
    the oldest rows. No gradient flows into what is stored. Embeddings pass through unchanged;
    out of training nothing else happens.

    `compile(loss=...)` gives the loss among the batch's own rows beside it, as published. The
    queue, its pointer and its fill are weights: they are saved with the model and restored.

    Reference: [Wang et al., 2020](https://arxiv.org/abs/1912.06798), algorithm 1.

    Args:
        loss: A `LabelledBatchLoss` that returns a scalar.
        memory_size: Number of stored embeddings. The default is
            pytorch-metric-learning's.
        weight: Factor of the added loss. Must be greater than 0.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: a list of embeddings, `(batch, dim)`, and class ids, `(batch,)` or
    `(batch, 1)`: integers below 2**31.

    Output shape: `(batch, dim)`.

    Raises:
        ValueError: `memory_size` or `weight` is out of range, the loss returns one value a
            row, or inputs are of other shapes.
        TypeError: The loss is another, or class ids are not numbers.

    Example:
        >>> import numpy as np
        >>> from keras_metric.losses import TripletHardLoss
        >>> memory = CrossBatchMemory(TripletHardLoss(margin=3.0), memory_size=4)
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
        >>> embeddings = memory([x[:2], np.array([0, 1])], training=True)
        >>> float(memory.losses[-1])  # nothing is stored yet
        0.0
        >>> embeddings = memory([x[2:], np.array([0, 1])], training=True)
        >>> # 3 against 0 and 1: 3 - 2 + 3. 7 against 1 and 0: 6 - 7 + 3.
        >>> float(memory.losses[-1])
        3.0
    """

    def __init__(
        self, loss: Any, memory_size: int = 1024, weight: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(**{"autocast": False, **kwargs})
        if isinstance(loss, dict):
            loss = keras.saving.deserialize_keras_object(loss)
        if not isinstance(loss, LabelledBatchLoss):
            raise TypeError(
                "A memory serves the losses on a labelled batch (LabelledBatchLoss). "
                f"Received: loss={loss!r}"
            )
        if loss.reduction in (None, "none"):
            raise ValueError(
                f"The loss must return a scalar. Received: loss of reduction={loss.reduction!r}"
            )
        self.loss = loss
        self.memory_size = _arguments.count("memory_size", memory_size)
        self.weight = _arguments.positive("weight", weight)

    def build(self, input_shape: Any) -> None:
        """Make the queue."""
        shapes = [tuple(shape) for shape in input_shape]
        is_known = len(shapes) == 2 and len(shapes[0]) == 2 and shapes[1][1:] in ((), (1,))
        if not is_known or shapes[0][1] is None:
            raise ValueError(
                "CrossBatchMemory takes a list of embeddings (batch, dim) and class ids (batch,). "
                f"Received: shapes {', '.join(map(str, shapes))}"
            )
        # What the loss finds beside the embeddings, a learned margin for one, is not stored.
        embeddings, _ = self.loss.split(None, ops.zeros((1, shapes[0][1])))
        self.memory = self._state("memory", (self.memory_size, embeddings.shape[1]), "float32")
        self.labels = self._state("labels", (self.memory_size,), "int32")
        self.pointer = self._state("pointer", (), "int32")
        self.fill = self._state("fill", (), "int32")

    def _state(self, name: str, shape: tuple[int, ...], dtype: str) -> Any:
        return self.add_weight(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the embeddings; in training, add the loss and store the batch."""
        embeddings, labels = inputs
        if training:
            labels = _as_ids(labels)
            self.add_loss(self.weight * self._compare(embeddings, labels))
            stored, _ = self.loss.split(None, embeddings)
            self._store(ops.cast(as_float(stored, "inputs"), "float32"), labels)
        return embeddings

    def _compare(self, embeddings: Any, labels: Any) -> Any:
        # A copy: torch stores in place, and the gradient needs what was compared with.
        stored = ops.stop_gradient(ops.copy(ops.convert_to_tensor(self.memory)))
        ids = ops.convert_to_tensor(self.labels)
        is_filled = ops.arange(self.memory_size, dtype="int32") < ops.convert_to_tensor(self.fill)
        is_same = ops.expand_dims(labels, 1) == ops.expand_dims(ids, 0)
        is_filled = ops.broadcast_to(ops.expand_dims(is_filled, 0), ops.shape(is_same))
        return self.loss(
            None,
            embeddings,
            ref_embeddings=stored,
            is_positive=ops.logical_and(is_same, is_filled),
            is_negative=ops.logical_and(ops.logical_not(is_same), is_filled),
        )

    def _store(self, embeddings: Any, labels: Any) -> None:
        embeddings = ops.stop_gradient(embeddings)[-self.memory_size :]
        labels = labels[-self.memory_size :]
        count = ops.shape(labels)[0]
        pointer = ops.convert_to_tensor(self.pointer)
        places = (pointer + ops.arange(count, dtype="int32")) % self.memory_size
        places = ops.expand_dims(places, 1)
        self.memory.assign(ops.scatter_update(self.memory, places, embeddings))
        self.labels.assign(ops.scatter_update(self.labels, places, labels))
        self.fill.assign(ops.minimum(ops.convert_to_tensor(self.fill) + count, self.memory_size))
        self.pointer.assign((pointer + count) % self.memory_size)

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        """Return the shape and dtype of the embeddings."""
        return keras.KerasTensor(inputs[0].shape, dtype=inputs[0].dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "loss": keras.saving.serialize_keras_object(self.loss),
            "memory_size": self.memory_size,
            "weight": self.weight,
        }


def _as_ids(labels: Any) -> Any:
    labels = ops.convert_to_tensor(labels)
    dtype = keras.backend.standardize_dtype(labels.dtype)
    if dtype == "string":
        raise TypeError(f"Class ids must be numbers. Received: labels of dtype={dtype}")
    return ops.reshape(ops.cast(labels, "int32"), (-1,))
