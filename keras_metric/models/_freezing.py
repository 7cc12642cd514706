"""Which layers of a network train."""

import math
from collections.abc import Iterator
from typing import Any

import keras


def freeze(model: keras.Model) -> None:
    """Keep all weights of `model` as they are while what is built upon it trains.

    The first stage of training on a ready backbone: only the embedding's own layer is new, and
    its first large gradients would spoil what the backbone knows. A frozen batch
    normalization also normalizes by its stored averages. Compile the network afterwards.

    Args:
        model: A Keras model, such as `backbone` makes.

    Raises:
        TypeError: `model` is not a Keras model.

    Example:
        >>> from keras_metric.models import embedding_network, small_cnn
        >>> cnn = small_cnn()
        >>> network = embedding_network(cnn, 16)
        >>> freeze(cnn)
        >>> [tuple(weight.shape) for weight in network.trainable_weights]
        [(576, 16), (16,)]
    """
    # Of the layers alone: a container's flag would also hide layers that are freed later.
    for layer in _parts(model):
        layer.trainable = False


def unfreeze(
    model: keras.Model,
    last: int | None = None,
    fraction: float | None = None,
    batch_normalization: bool = False,
) -> list[str]:
    """Let the last layers of `model` train, and only these.

    The later stages of training on a ready backbone: a few layers more at each stage, at a
    smaller learning rate. Compile the network afterwards.

    Args:
        model: A Keras model, such as `backbone` makes; of a network around it, layers of all
            parts count, the embedding's too.
        last: How many layers train, counted from the output. Only layers with weights count,
            and batch normalizations do not.
        fraction: Instead, which share of these layers, above 0 and at most 1, rounded up.
            Default: all.
        batch_normalization: Whether batch normalizations among these layers train and take
            the averages of new data. As a rule they had better not, where batches are small.

    Returns:
        Names of the layers that train now, from input to output.

    Raises:
        TypeError: `model` is not a Keras model.
        ValueError: `last` or `fraction` is out of range, or both are given.

    Example:
        >>> from keras_metric.models import small_cnn
        >>> cnn = small_cnn()
        >>> freeze(cnn)
        >>> len(unfreeze(cnn, last=2)), len(unfreeze(cnn, fraction=0.5)), len(unfreeze(cnn))
        (2, 3, 6)
    """
    parts = list(_parts(model))
    counted = [layer for layer in parts if layer.weights and not _normalizes(layer)]
    number = _number(len(counted), last, fraction)
    chosen = counted[len(counted) - number :]
    first = parts.index(chosen[0]) if chosen else len(parts)
    for container in _containers(model):
        container.trainable = True
    for place, layer in enumerate(parts):
        is_free = place >= first and bool(layer.weights)
        layer.trainable = is_free and (batch_normalization or not _normalizes(layer))
    return [layer.name for layer in parts if layer.trainable]


def _number(count: int, last: int | None, fraction: float | None) -> int:
    if last is not None and fraction is not None:
        raise ValueError(
            f"Give `last` or `fraction`, not both. Received: last={last!r}, fraction={fraction!r}"
        )
    if last is not None:
        if isinstance(last, bool) or not isinstance(last, int) or not 1 <= last <= count:
            raise ValueError(
                f"`last` must be an integer from 1 to {count}, the number of layers with "
                f"weights. Received: last={last!r}"
            )
        return last
    if fraction is None:
        return count
    if not 0 < fraction <= 1:
        raise ValueError(
            f"`fraction` must be above 0 and at most 1. Received: fraction={fraction!r}"
        )
    return math.ceil(fraction * count)


def _parts(model: Any) -> Iterator[keras.layers.Layer]:
    """Layers in the order of the network, those of models inside it in their place."""
    if not isinstance(model, keras.Model):
        raise TypeError(f"`model` must be a Keras model. Received: model={model!r}")
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _parts(layer)
        else:
            yield layer


def _containers(model: keras.Model) -> Iterator[keras.Model]:
    yield model
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _containers(layer)


def _normalizes(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)
