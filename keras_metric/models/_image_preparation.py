"""From a user's images to those that a ready network was trained on."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_metric")
class ImagePreparation(keras.layers.Layer):
    """Resizes images, makes grey ones coloured, and brings colours to the wanted range.

    Channel `c` of the output is `scale[c] * image[order[c]] + offset[c]`. It is what
    `backbone` puts before a ready network, so that the model takes images with values from 0
    to 255 (uint8 as they are) and is saved with all it needs.

    Args:
        size: Height and width to resize to, bilinear. Default: images keep their size.
        coloured: Whether an image of one channel is repeated three times.
        order: Which channel comes to which place. Default: as they are.
        scale: A factor for each channel of the output. Default: 1.
        offset: What is added to each channel, after the factor. Default: 0.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, height, width, channels)`, float32 even under mixed precision.

    Example:
        >>> tuple(ImagePreparation((32, 32), True)(keras.ops.ones((2, 28, 28, 1))).shape)
        (2, 32, 32, 3)
    """

    def __init__(
        self,
        size: Sequence[int] | None = None,
        coloured: bool = False,
        order: Sequence[int] | None = None,
        scale: Sequence[float] | None = None,
        offset: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.size = None if size is None else [int(size[0]), int(size[1])]
        self.coloured = bool(coloured)
        self.order = None if order is None else [int(i) for i in order]
        self.scale = None if scale is None else [float(x) for x in scale]
        self.offset = None if offset is None else [float(x) for x in offset]

    def call(self, inputs: Any) -> Any:
        """Return the images prepared."""
        x = ops.cast(inputs, self.compute_dtype)
        if self.size is not None and tuple(x.shape[1:3]) != tuple(self.size):
            x = ops.image.resize(
                x, self.size, "bilinear", antialias=True, data_format="channels_last"
            )
        if self.coloured and x.shape[-1] == 1:
            x = ops.repeat(x, 3, axis=-1)
        if self.order is not None and self.order != sorted(self.order):
            x = ops.stack([x[..., i] for i in self.order], axis=-1)
        if self.scale is not None:
            x = x * ops.convert_to_tensor(self.scale, x.dtype)
        if self.offset is not None:
            x = x + ops.convert_to_tensor(self.offset, x.dtype)
        return x

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return `(batch, height, width, channels)` of the prepared images."""
        batch, height, width, channels = input_shape
        if self.size is not None:
            height, width = self.size
        return (batch, height, width, 3 if self.coloured else channels)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "size": self.size,
            "coloured": self.coloured,
            "order": self.order,
            "scale": self.scale,
            "offset": self.offset,
        }
