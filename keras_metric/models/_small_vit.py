"""A small vision transformer."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_metric.models._image_shape import check_image_shape
from keras_metric.models._position_embedding import PositionEmbedding


def small_vit(
    input_shape: Sequence[int] = (28, 28, 1),
    patch_size: int = 4,
    dim: int = 64,
    depth: int = 4,
    heads: int = 4,
    dropout: float = 0.0,
) -> keras.Model:
    """A vision transformer for images of 28 x 28 pixels and up.

    Patches are mapped to vectors, positions are added, and `depth` blocks of attention and of
    two dense layers follow, normalized before each. It has no class token: pool the patches,
    which trains better on little data. Takes images with values from 0 to 255 (uint8 as they
    are); they are scaled inside.

    References: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), section 3.1;
    [Beyer et al., 2022](https://arxiv.org/abs/2205.01580) for the pooling.

    Args:
        input_shape: Height, width and channels of an image; multiples of `patch_size`.
        patch_size: Height and width of a patch, in pixels.
        dim: Length of a patch's vector; a multiple of `heads`.
        depth: Number of blocks.
        heads: Number of attention heads of a block.
        dropout: Share of activations dropped in training, from 0 to below 1.

    Returns:
        A model from `(batch, height, width, channels)` to a sequence of patches,
        `(batch, patches, dim)`: for the default arguments, `(batch, 49, 64)`;
        `embedding_network(..., pooling="avg")` goes with it.

    Raises:
        ValueError: `input_shape` does not have three entries or does not consist of whole
            patches, `dim` is no multiple of `heads`, or a number is out of range.

    Example:
        >>> small_vit().output_shape
        (None, 49, 64)
    """
    for name, value in (
        ("patch_size", patch_size), ("dim", dim), ("depth", depth), ("heads", heads),
    ):  # fmt: skip
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
    if dim % heads:
        raise ValueError(f"`dim` must be a multiple of `heads`. Received: dim={dim}, heads={heads}")
    if not 0 <= dropout < 1:
        raise ValueError(f"`dropout` must be from 0 to below 1. Received: dropout={dropout}")
    shape = check_image_shape(input_shape, patch_size, f"Patches of {patch_size} pixels need")
    if any(size is None or size % patch_size for size in shape[:2]):
        raise ValueError(
            "Height and width must be known and consist of whole patches. "
            f"Received: input_shape={shape}, patch_size={patch_size}"
        )
    inputs = keras.Input(shape, name="image")
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    x = layers.Conv2D(dim, patch_size, patch_size, name="patches")(x)
    x = PositionEmbedding(name="positions")(layers.Reshape((-1, dim))(x))
    for _ in range(depth):
        x = _block(x, heads, dropout)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    return keras.Model(inputs, x, name="small_vit")


def _block(x: Any, heads: int, dropout: float) -> Any:
    dim = x.shape[-1]
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.MultiHeadAttention(heads, dim // heads, dropout=dropout)(y, y)
    x = layers.Add()([x, layers.Dropout(dropout)(y)])
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.Dense(2 * dim, activation="gelu")(y)
    y = layers.Dense(dim)(layers.Dropout(dropout)(y))
    return layers.Add()([x, layers.Dropout(dropout)(y)])
