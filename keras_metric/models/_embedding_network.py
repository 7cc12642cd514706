"""A backbone with an embedding on top."""

import difflib

import keras
from keras import layers

_POOLING = {
    "flatten": (layers.Flatten,) * 2,
    "average": (layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D),
    "max": (layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D),
}


def embedding_network(
    backbone: keras.Model,
    embedding_size: int = 64,
    normalize: bool = True,
    pooling: str = "flatten",
) -> keras.Model:
    """A network from what `backbone` takes to embeddings.

    The backbone's features are pooled to a vector, mapped linearly to `embedding_size`
    numbers and, with `normalize`, scaled to length 1.

    Args:
        backbone: A Keras model with one output: a vector, a sequence `(batch, steps, dim)` or
            a feature map `(batch, height, width, channels)`.
        embedding_size: Length of an embedding, at least 1.
        normalize: Whether embeddings have length 1.
        pooling: `"flatten"` (the size of the input must be fixed), `"average"` or `"max"`.
            A vector needs none.

    Returns:
        A model with output `(batch, embedding_size)`.

    Raises:
        TypeError: `backbone` is not a Keras model, or `embedding_size` is not an integer.
        ValueError: The backbone has several outputs or one of an unknown rank,
            `embedding_size` is less than 1, or `pooling` is unknown or impossible.

    Example:
        >>> from keras_metric.models import small_cnn
        >>> embedding_network(small_cnn(), embedding_size=16).output_shape
        (None, 16)
    """
    if not isinstance(backbone, keras.Model):
        raise TypeError(f"`backbone` must be a Keras model. Received: backbone={backbone!r}")
    if isinstance(embedding_size, bool) or not isinstance(embedding_size, int):
        raise TypeError(
            f"`embedding_size` must be an integer. Received: embedding_size={embedding_size!r}"
        )
    if embedding_size < 1:
        raise ValueError(
            f"`embedding_size` must be at least 1. Received: embedding_size={embedding_size}"
        )
    x = _pooled(backbone, pooling)
    x = layers.Dense(embedding_size, name="embedding")(x)
    if normalize:
        # float32 under mixed precision: 16 bits are too few for distances.
        x = layers.UnitNormalization(dtype="float32", name="unit_length")(x)
    # A Sequential has no `input` until it is called.
    inputs = backbone.inputs[0] if len(backbone.inputs) == 1 else backbone.input
    return keras.Model(inputs, x, name=f"{backbone.name}_embedding")


def _pooled(backbone: keras.Model, pooling: str) -> keras.KerasTensor:
    if pooling not in _POOLING:
        nearest = difflib.get_close_matches(str(pooling), _POOLING, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
        raise ValueError(
            f"`pooling` must be one of {list(_POOLING)}{hint} Received: pooling={pooling!r}"
        )
    if len(backbone.outputs) != 1:
        raise ValueError(
            f"`backbone` must have one output. Received: {len(backbone.outputs)} outputs"
        )
    features = backbone.outputs[0]
    rank = len(features.shape)
    if rank == 2:
        return features
    if rank not in (3, 4):
        raise ValueError(
            "`backbone` must put out a vector, a sequence or a feature map, of rank 2, 3 or 4. "
            f"Received: an output of shape {tuple(features.shape)}"
        )
    if pooling == "flatten" and None in features.shape[1:]:
        raise ValueError(
            "pooling='flatten' needs an input of fixed size; take 'average' or 'max'. "
            f"Received: an output of shape {tuple(features.shape)}"
        )
    return _POOLING[pooling][rank - 3]()(features)
