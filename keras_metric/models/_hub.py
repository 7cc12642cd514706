"""Backbones of keras-hub, where it is installed."""

import importlib.util
from pathlib import Path
from typing import Any

import keras

from keras_metric.models._weights import PUBLISHED, load_file, published


def is_installed() -> bool:
    """Whether keras-hub can be imported."""
    return importlib.util.find_spec("keras_hub") is not None


def presets() -> list[str]:
    """Names of keras-hub's presets, of images or not; none where it is not installed."""
    if not is_installed():
        return []
    try:
        import keras_hub
    except ImportError:  # one of its own requirements is missing
        return []
    return list(keras_hub.models.Backbone.presets)


def is_preset(name: str) -> bool:
    """Whether a name means a preset: a folder of one, an address, or one of `presets()`."""
    is_folder = (Path(name) / "config.json").is_file()
    return is_folder or "://" in name or name in presets()


def make(name: str, shape: tuple[int | None, ...], weights: Any, **arguments: Any) -> keras.Model:
    """Return a preset's backbone, for prepared images of that shape."""
    if not is_installed():
        raise ImportError(
            f"Presets need keras-hub: pip install 'keras-metric[hub]'. Received: name={name!r}"
        )
    import keras_hub

    is_published = weights in PUBLISHED
    network = published(
        lambda: keras_hub.models.Backbone.from_preset(name, load_weights=is_published, **arguments),
        name,
    )
    inputs, outputs = keras.tree.flatten(network.input), keras.tree.flatten(network.output)
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or len(outputs) != 1:
        raise ValueError(
            "The preset must be one of images, with one input and one output. Received: "
            f"name={name!r}, with inputs of shape {[tuple(x.shape) for x in inputs]} and "
            f"outputs of shape {[tuple(x.shape) for x in outputs]}"
        )
    wanted = tuple(inputs[0].shape[1:])
    if any(None not in pair and pair[0] != pair[1] for pair in zip(wanted, shape, strict=True)):
        raise ValueError(
            f"{name} takes images of shape {wanted}; resize={wanted[:2]} brings them to that "
            f"size inside the model. Received: images of shape {shape}"
        )
    if weights is not None and not is_published:
        load_file(network, name, weights)
    return network


def colours(name: str) -> dict[str, Any]:
    """What the preset's own image converter does, as arguments of `ImagePreparation`."""
    import keras_hub

    try:
        converter = keras_hub.layers.ImageConverter.from_preset(name)
    except ValueError:  # the preset has none
        return {}
    channels = {"scale": converter.scale, "offset": converter.offset}
    return {key: None if value is None else _three(value) for key, value in channels.items()}


def _three(value: Any) -> list[float]:
    flat = [float(x) for x in keras.tree.flatten(value)]
    return flat * 3 if len(flat) == 1 else flat
