"""A small residual network."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_metric.layers import FusedBatchNormalization
from keras_metric.models._image_shape import check_image_shape


def small_resnet(
    input_shape: Sequence[int | None] = (28, 28, 1),
    filters: Sequence[int] = (16, 32, 64),
    blocks: int = 2,
) -> keras.Model:
    """A residual network for images of 28 x 28 pixels and up.

    A 3 x 3 convolution, then a stage for each of `filters`, of `blocks` blocks of two
    3 x 3 convolutions with batch normalization and a shortcut around them; each stage but the
    first halves the image. `blocks=3` makes the ResNet-20 of the paper. Takes images with
    values from 0 to 255 (uint8 as they are); they are scaled inside.

    Reference: [He et al., 2016](https://arxiv.org/abs/1512.03385), section 4.2.

    Args:
        input_shape: Height, width and channels of an image.
        filters: Number of channels of each stage.
        blocks: Number of blocks of a stage, at least 1.

    Returns:
        A model from `(batch, height, width, channels)` to feature maps: for the default
        arguments, `(batch, 7, 7, 64)`; `embedding_network(..., pooling="avg")` goes with it.

    Raises:
        ValueError: `input_shape` does not have three entries, the image is too small for so
            many stages, or a number is less than 1.

    Example:
        >>> small_resnet().output_shape
        (None, 7, 7, 64)
    """
    if not filters or blocks < 1:
        raise ValueError(
            "There must be at least one stage of one block. "
            f"Received: filters={filters!r}, blocks={blocks}"
        )
    stages = len(filters)
    shape = check_image_shape(input_shape, 2 ** (stages - 1), f"{stages} stages need")
    inputs = keras.Input(shape, name="image")
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.ReLU()(_convolution(x, filters[0]))
    for stage, channels in enumerate(filters):
        for block in range(blocks):
            x = _block(x, channels, 2 if stage and not block else 1)
    return keras.Model(inputs, x, name="small_resnet")


def _block(x: Any, channels: int, strides: int) -> Any:
    shortcut = x
    if strides > 1 or x.shape[-1] != channels:
        shortcut = _convolution(x, channels, strides, size=1)
    x = layers.ReLU()(_convolution(x, channels, strides))
    return layers.ReLU()(layers.Add()([_convolution(x, channels), shortcut]))


def _convolution(x: Any, channels: int, strides: int = 1, size: int = 3) -> Any:
    x = layers.Conv2D(
        channels, size, strides, "same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    # Averages over some tens of batches: small data has few of them.
    return FusedBatchNormalization(momentum=0.9)(x)
