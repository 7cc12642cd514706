"""The networks of `keras.applications`."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_metric.models._weights import PUBLISHED, load_file, published


def names() -> list[str]:
    """Names of the networks that this version of Keras has."""
    return [
        name
        for name, value in vars(keras.applications).items()
        if inspect.isfunction(value) and "include_top" in inspect.signature(value).parameters
    ]


def make(name: str, shape: tuple[int | None, ...], weights: Any, **arguments: Any) -> keras.Model:
    """Return the network without its classifier, for prepared images of that shape."""
    function = getattr(keras.applications, name)

    def with_weights(which: str | None) -> keras.Model:
        try:
            return function(include_top=False, weights=which, input_shape=shape, **arguments)
        except ValueError as error:
            raise ValueError(
                f"{name} does not take images of {shape[0]} x {shape[1]} with these arguments: "
                f"{error}. Images may be enlarged inside the model: resize=64, for example. "
                f"Received: images of {shape[0]} x {shape[1]}, {arguments}"
            ) from error

    if weights in PUBLISHED:
        return published(lambda: with_weights("imagenet"), name)
    network = with_weights(None)
    if weights is not None:
        load_file(network, name, weights)
    return network


def colours(name: str) -> dict[str, list[Any]]:
    """What the network's own `preprocess_input` does, as arguments of `ImagePreparation`.

    It is asked, not written down here: a factor, an offset and an order of the channels.
    """
    preprocess = _preprocessing(name)
    offset = preprocess(np.zeros((1, 1, 1, 3)))[0, 0, 0]
    # Row i: what channel i of an image adds to each channel of the output.
    effect = np.stack([preprocess(row)[0, 0, 0] for row in 255.0 * _units()]) - offset
    order = np.abs(effect).argmax(axis=0)
    scale = effect[order, range(3)] / 255.0
    return {"order": order.tolist(), "scale": scale.tolist(), "offset": offset.tolist()}


def _units() -> Any:
    return np.eye(3)[:, None, None, None]  # (3, 1, 1, 1, 3)


def _preprocessing(name: str) -> Callable[[Any], Any]:
    # Not every network has a public module; each stands beside its preprocessing.
    module: Any = inspect.getmodule(getattr(keras.applications, name))
    return lambda x: np.asarray(
        module.preprocess_input(x.copy(), data_format="channels_last"), "float64"
    )
