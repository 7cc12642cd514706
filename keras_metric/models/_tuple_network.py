"""What siamese and triplet networks share: one embedding, several streams."""

from typing import Any, Self

import keras


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

    def __init__(
        self, embedding: Any, roles: tuple[str, ...], head: Any, **kwargs: Any
    ) -> None:
        check_embedding(embedding)
        one = embedding.inputs[0]
        inputs = tuple(
            keras.Input(batch_shape=one.shape, dtype=one.dtype, name=role) for role in roles
        )
        super().__init__(inputs, head([embedding(x) for x in inputs]), **kwargs)
        self.embedding = embedding

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
    if not embedding.built or not embedding.inputs:
        raise ValueError(
            "`embedding` must have a known input shape: build it, or begin it with keras.Input. "
            f"Received: embedding={embedding.name!r}, which is not built"
        )
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
