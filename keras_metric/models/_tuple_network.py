"""What siamese and triplet networks share: one embedding, several streams."""

from typing import Any, Self

import keras

from keras_metric.models._checks import check_known_input


class TupleNetwork(keras.Model):
    """Abstract base of a network that embeds several images by the same weights.

    Args:
        embedding: The network that embeds one image: a Keras model with one input and one
            output of shape `(batch, dim)`.
        roles: Names of the inputs, in the order of the data.
        head: What is computed from the list of embeddings.
        **kwargs: `name` and others of `keras.Model`.
    """

    embedding: keras.Model

    def __init__(self, embedding: Any, roles: tuple[str, ...], head: Any, **kwargs: Any) -> None:
        check_embedding(embedding)
        one = embedding.inputs[0]
        inputs = tuple(
            keras.Input(batch_shape=one.shape, dtype=one.dtype, name=role) for role in roles
        )
        super().__init__(inputs, head([embedding(x) for x in inputs]), **kwargs)
        self.embedding = embedding

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss of a batch, once targets and weights have a shape that fits.

        Keras would broadcast `(batch,)` and `(batch, n)` to a loss of that many values.
        """
        self.check_targets(y)
        check_column("sample_weight", sample_weight)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def check_targets(self, y: Any) -> None:
        """Refuse targets of a shape that does not fit."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this network."""
        return {
            "name": self.name,
            "embedding": keras.saving.serialize_keras_object(self.embedding),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Rebuild a network from `get_config`."""
        parts = {
            name: keras.saving.deserialize_keras_object(value, custom_objects)
            if isinstance(value, dict)
            else value
            for name, value in config.items()
        }
        return cls(**parts)


def check_embedding(embedding: Any) -> None:
    """Refuse what does not embed one image as one vector."""
    if not isinstance(embedding, keras.Model):
        raise TypeError(f"`embedding` must be a Keras model. Received: embedding={embedding!r}")
    check_known_input("embedding", embedding)
    if len(embedding.inputs) != 1 or len(embedding.outputs) != 1:
        raise ValueError(
            "`embedding` must have one input and one output. Received: "
            f"{len(embedding.inputs)} inputs and {len(embedding.outputs)} outputs"
        )
    shape = tuple(embedding.outputs[0].shape)
    if len(shape) != 2 or shape[1] is None:
        raise ValueError(
            "`embedding` must put out vectors, of shape (batch, dim); "
            "`keras_metric.models.embedding_network` makes such a network of any backbone. "
            f"Received: an output of shape {shape}"
        )


def check_column(name: str, values: Any) -> None:
    shape = getattr(values, "shape", None)
    rank = getattr(shape, "rank", -1)  # of TensorFlow alone, and None where it is not known
    if shape is None or rank is None:
        return
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] not in (1, None)):
        raise ValueError(
            f"`{name}` must have one entry a row, shape (batch,) or (batch, 1). "
            f"Received: {name}.shape={tuple(shape)}"
        )
