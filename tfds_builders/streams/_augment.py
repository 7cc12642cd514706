"""Random changes of images that depend on the seed and the step alone."""

import inspect
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOCK = threading.Lock()
_USE = 0x5EED  # keeps these random numbers apart from other uses of the seed


class Augment:
    """Applies a function or a Keras layer to batches of images.

    Args:
        function: A Keras layer or model, called with `training=True`; or a function of images,
            shape `(batch, height, width, channels)`, and, if it takes two arguments, a
            `numpy.random.Generator`.
        jointly: Whether all members of a tuple get the same random numbers.
        seed: The stream's seed.
    """

    def __init__(self, function: Callable[..., Any], jointly: bool, seed: int) -> None:
        if not callable(function):
            raise ValueError(
                f"`augment` must be callable or a Keras layer. Received: augment={function!r}"
            )
        self.function, self.jointly, self.seed = function, jointly, seed
        self._is_layer = "keras" in sys.modules and isinstance(
            function, sys.modules["keras"].layers.Layer
        )
        self._takes_rng = not self._is_layer and _num_positional(function) >= 2

    def __call__(self, roles: list[NDArray[Any]], step: int) -> list[NDArray[Any]]:
        """The images of each role, changed."""
        if len(roles) == 1 or self.jointly:
            return [self._apply(images, step) for images in roles]
        changed = self._apply(np.concatenate(roles), step)
        return np.split(changed, len(roles))

    def _apply(self, images: NDArray[Any], step: int) -> NDArray[Any]:
        seeds = np.random.SeedSequence([self.seed % 2**64, step, _USE])
        if self._is_layer:
            changed = self._apply_layer(images, seeds)
        elif self._takes_rng:
            changed = np.asarray(self.function(images, np.random.default_rng(seeds)))
        else:
            changed = np.asarray(self.function(images))
        if changed.ndim == 0 or len(changed) != len(images):
            raise ValueError(
                f"`augment` must return as many images as it gets, {len(images)}. "
                f"Received: an array of shape {changed.shape}"
            )
        return changed

    def _apply_layer(self, images: NDArray[Any], seeds: np.random.SeedSequence) -> NDArray[Any]:
        keras: Any = sys.modules["keras"]
        layer: Any = self.function
        with _LOCK:  # the layer holds the state of its random numbers
            states = [v for v in layer.variables if v.name == "seed_generator_state"]
            for variable, child in zip(states, seeds.spawn(len(states)), strict=True):
                variable.assign((child.generate_state(2) >> 1).astype(variable.dtype))
            return np.asarray(keras.ops.convert_to_numpy(layer(images, training=True)))


def _num_positional(function: Callable[..., Any]) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions have no signature
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in parameters)
