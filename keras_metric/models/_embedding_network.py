"""A backbone with an embedding on top."""

from typing import Any

import keras
from keras import layers

from keras_metric._names import unknown_name
from keras_metric.layers import GeneralizedMeanPooling1D, GeneralizedMeanPooling2D
from keras_metric.models._checks import check_known_input

# For sequences, and for feature maps.
_POOLING: dict[str, tuple[Any, Any]] = {
    "flatten": (layers.Flatten, layers.Flatten),
    "avg": (layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D),
    "max": (layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D),
    "gem": (GeneralizedMeanPooling1D, GeneralizedMeanPooling2D),
}


def embedding_network(
    backbone: keras.Model,
    embedding_size: int = 64,
    normalize: bool = True,
    pooling: str = "flatten",
    augment: Any = None,
) -> keras.Model:
    """A network from what `backbone` takes to embeddings.

    The backbone's features are pooled to a vector, mapped linearly to `embedding_size`
    numbers and, with `normalize`, scaled to length 1.

    Args:
        backbone: A Keras model with one output: a vector, a sequence `(batch, steps, dim)` or
            a feature map `(batch, height, width, channels)`.
        embedding_size: Length of an embedding, at least 1.
        normalize: Whether embeddings have length 1.
        pooling: `"flatten"` (the size of the input must be fixed), `"avg"`, `"max"` or
            `"gem"`, the generalized mean, whose exponent is trained. A vector needs none.
        augment: A Keras layer or model on batches of images, such as
            `keras.layers.RandomTranslation`, or a list of them. It works while `fit` trains,
            never in `evaluate` and `predict`; in a siamese or triplet network, on each image
            independently.

    Returns:
        A model with output `(batch, embedding_size)`, float32 if normalized.

    Raises:
        TypeError: `backbone` is not a Keras model, `embedding_size` is not an integer, or
            `augment` is not made of layers.
        ValueError: The backbone has several outputs or one of an unknown rank,
            `embedding_size` is less than 1, `pooling` is unknown or impossible, or `augment`
            changes the shape of images.

    Example:
        >>> from keras_metric.models import small_cnn
        >>> embedding_network(small_cnn(), embedding_size=16, pooling="gem").output_shape
        (None, 16)
    """
    if not isinstance(backbone, keras.Model):
        raise TypeError(f"`backbone` must be a Keras model. Received: backbone={backbone!r}")
    check_known_input("backbone", backbone)
    if isinstance(embedding_size, bool) or not isinstance(embedding_size, int):
        raise TypeError(
            f"`embedding_size` must be an integer. Received: embedding_size={embedding_size!r}"
        )
    if embedding_size < 1:
        raise ValueError(
            f"`embedding_size` must be at least 1. Received: embedding_size={embedding_size}"
        )
    if len(backbone.outputs) != 1:
        raise ValueError(
            f"`backbone` must have one output. Received: {len(backbone.outputs)} outputs"
        )
    inputs = backbone.inputs[0] if len(backbone.inputs) == 1 else backbone.input
    features = backbone.outputs[0]
    if augment is not None:
        inputs, features = _augmented(backbone, augment)
    x = _pooled(features, pooling)
    x = layers.Dense(embedding_size, name="embedding")(x)
    if normalize:
        # float32 under mixed precision: 16 bits are too few for distances.
        x = layers.UnitNormalization(dtype="float32", name="unit_length")(x)
    return keras.Model(inputs, x, name=f"{backbone.name}_embedding")


def _augmented(backbone: keras.Model, augment: Any) -> tuple[Any, Any]:
    steps = list(augment) if isinstance(augment, (list, tuple)) else [augment]
    if not all(isinstance(step, layers.Layer) for step in steps):
        raise TypeError(
            "`augment` must be a Keras layer or model, or a list of them. "
            f"Received: augment={augment!r}"
        )
    if len(backbone.inputs) != 1:
        raise ValueError(
            "`augment` needs a backbone of one input. "
            f"Received: a backbone of {len(backbone.inputs)} inputs"
        )
    shape, dtype = backbone.inputs[0].shape, backbone.inputs[0].dtype
    inputs = x = keras.Input(batch_shape=shape, dtype=dtype, name="image")
    for step in steps:
        x = step(x)
    if tuple(x.shape) != tuple(shape):
        raise ValueError(
            f"`augment` must keep the shape of images, {tuple(shape)}. "
            f"Received: images of shape {tuple(x.shape)} from it"
        )
    return inputs, backbone(x)


def _pooled(features: keras.KerasTensor, pooling: str) -> keras.KerasTensor:
    if pooling not in _POOLING:
        raise unknown_name("pooling", "pooling", pooling, _POOLING)
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
            "pooling='flatten' needs an input of fixed size; take 'avg', 'max' or 'gem'. "
            f"Received: an output of shape {tuple(features.shape)}"
        )
    return _POOLING[pooling][rank - 3]()(features)
