"""A small convolutional network."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_metric.layers import FusedBatchNormalization
from keras_metric.models._image_shape import check_image_shape


def small_cnn(
    input_shape: Sequence[int | None] = (28, 28, 1), filters: Sequence[int] = (16, 32, 64)
) -> keras.Model:
    """Blocks of two 3 x 3 convolutions, each with batch normalization, and a 2 x 2 maximum.

    Takes images with values from 0 to 255 (uint8 as they are); they are scaled inside.

    Args:
        input_shape: Height, width and channels of an image.
        filters: Number of channels of each block.

    Returns:
        A model from `(batch, height, width, channels)` to feature maps: for the default
        arguments, `(batch, 3, 3, 64)`.

    Raises:
        ValueError: `input_shape` does not have three entries, or the image is too small for
            so many blocks.

    Example:
        >>> small_cnn().output_shape
        (None, 3, 3, 64)
    """
    count = len(filters)
    shape = check_image_shape(input_shape, 2**count, f"{count} blocks need")
    inputs = keras.Input(shape, name="image")
    x = layers.Rescaling(1 / 255)(inputs)
    for channels in filters:
        for _ in range(2):
            x = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
            # Averages over some tens of batches: small data has few of them.
            x = FusedBatchNormalization(momentum=0.9)(x)
            x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
    return keras.Model(inputs, x, name="small_cnn")
