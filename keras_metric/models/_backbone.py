"""A backbone by name."""

import difflib
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_metric._names import unknown_name
from keras_metric.models import _applications, _hub
from keras_metric.models._freezing import freeze
from keras_metric.models._image_preparation import ImagePreparation
from keras_metric.models._image_shape import check_image_shape
from keras_metric.models._small_cnn import small_cnn
from keras_metric.models._small_resnet import small_resnet
from keras_metric.models._small_vit import small_vit
from keras_metric.models._weights import PUBLISHED, load_file

_SMALL: dict[str, Callable[..., keras.Model]] = {
    "small_cnn": small_cnn,
    "small_resnet": small_resnet,
    "small_vit": small_vit,
}


def backbone(
    name: str,
    input_shape: Sequence[int | None] = (224, 224, 3),
    weights: str | os.PathLike[str] | None = None,
    resize: int | Sequence[int] | None = None,
    trainable: bool = True,
    **arguments: Any,
) -> keras.Model:
    """A network by name, from images as they are to features.

    Resizing, the repetition of a grey channel and the network's own preprocessing are part
    of the model: it takes images with values from 0 to 255, uint8 or float.

    Args:
        name: `"small_cnn"`, `"small_resnet"`, `"small_vit"`; a network of
            `keras.applications`, such as `"MobileNetV2"`; or, with keras-hub installed, one
            of its image presets, such as `"resnet_18_imagenet"`, or a folder that holds one.
            Upper and lower case are the same.
        input_shape: Height, width and channels of an image.
        weights: `None` for random weights, nothing is downloaded; `"imagenet"` (or
            `"pretrained"`) for those published with the network, from Keras's cache or by
            download into it; or a file of weights without the classifier.
        resize: Height and width, or one number for both, that images are resized to inside
            the model. Networks made for larger images need it for small ones.
        trainable: False to `freeze` the network; `unfreeze` frees its last layers later.
        **arguments: Further ones of the network, such as `alpha` of `"MobileNet"`.

    Returns:
        A model from `(batch, height, width, channels)` to feature maps, a sequence or
        vectors, for `embedding_network`.

    Raises:
        ValueError: The name is unknown, images are too small or of an unsupported number of
            channels, or the weights do not fit.
        FileNotFoundError: The weights are neither a file nor to be had; the message says how
            to get them.
        ImportError: The name is a preset's and keras-hub is not installed.

    Example:
        >>> network = backbone("MobileNet", (28, 28, 1), resize=32, alpha=0.25)
        >>> network.output_shape
        (None, 1, 1, 256)
    """
    shape = check_image_shape(input_shape, 1, "Networks take")
    size = _size(resize)
    prepared = shape if size is None else (*size, shape[2])
    known = _known(name)
    if known in _SMALL:
        inner = _small(known, prepared, weights, arguments)
        preparation: dict[str, Any] = {}
    else:
        if shape[2] not in (1, 3):
            raise ValueError(
                f"{known} takes images of 1 or 3 channels. Received: input_shape={shape}"
            )
        source = _applications if known in _applications.names() else _hub
        inner = source.make(known, (*prepared[:2], 3), weights, **arguments)
        preparation = {"coloured": shape[2] == 1, **source.colours(known)}
    inputs = keras.Input(shape, name="image")
    x = ImagePreparation(size, name="preparation", **preparation)(inputs)
    network = keras.Model(inputs, inner(x), name=f"{inner.name}_backbone")
    if not trainable:
        freeze(network)
    return network


def _small(
    name: str, shape: tuple[int | None, ...], weights: Any, arguments: dict[str, Any]
) -> keras.Model:
    if weights in PUBLISHED:
        raise ValueError(
            f"No weights are published for {name}: give weights=None or a file. "
            f"Received: weights={weights!r}"
        )
    network = _SMALL[name](shape, **arguments)
    if weights is not None:
        load_file(network, name, weights)
    return network


def _known(name: str) -> str:
    """The name as the networks' makers write it, or an error with the nearest one."""
    if not isinstance(name, str):
        raise TypeError(f"`name` must be a string. Received: name={name!r}")
    listed = [*_SMALL, *_applications.names()]
    plain = {_plain(known): known for known in listed}
    if _plain(name) in plain:
        return plain[_plain(name)]
    if _hub.is_preset(name):
        return name
    near = difflib.get_close_matches(name.lower(), _hub.presets(), n=3)
    error = unknown_name("backbone", "name", name, [*listed, *near])
    if not _hub.is_installed():
        error.add_note("Presets of keras-hub are known too: pip install 'keras-metric[hub]'.")
    raise error


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _size(resize: Any) -> tuple[int, int] | None:
    if resize is None:
        return None
    pair = tuple(resize) if isinstance(resize, (list, tuple)) else (resize, resize)
    if len(pair) != 2 or not all(type(side) is int and side > 0 for side in pair):
        raise ValueError(
            "`resize` must be a positive integer, or two of them, height and width. "
            f"Received: resize={resize!r}"
        )
    return pair
