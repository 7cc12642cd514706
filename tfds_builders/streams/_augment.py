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
            `numpy.random.Generator`; or a list of these, applied one after the other.
        jointly: Whether all members of a tuple get the same random numbers.
        seed: The stream's seed.
    """

    def __init__(self, function: Any, jointly: bool, seed: int) -> None:
        functions = list(function) if isinstance(function, list | tuple) else [function]
        if not functions or not all(map(callable, functions)):
            raise ValueError(
                "`augment` must be callable, a Keras layer or a list of these. "
                f"Received: augment={function!r}"
            )
        self.functions, self.jointly, self.seed = functions, jointly, seed

    def __call__(self, roles: list[NDArray[Any]], step: int) -> list[NDArray[Any]]:
        """The images of each role, changed."""
        if len(roles) == 1 or self.jointly:
            return [self._apply(images, step) for images in roles]
        changed = self._apply(np.concatenate(roles), step)
        return np.split(changed, len(roles))

    def _apply(self, images: NDArray[Any], step: int) -> NDArray[Any]:
        seeds = np.random.SeedSequence([self.seed % 2**64, step, _USE])
        changed = images
        for function in self.functions:
            changed = _call(function, changed, seeds)
        if changed.ndim == 0 or len(changed) != len(images):
            raise ValueError(
                f"`augment` must return as many images as it gets, {len(images)}. "
                f"Received: an array of shape {changed.shape}"
            )
        return changed


def _call(
    function: Callable[..., Any], images: NDArray[Any], seeds: np.random.SeedSequence
) -> NDArray[Any]:
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(function, keras.layers.Layer):
        with _LOCK:  # the layer holds the state of its random numbers
            states = [v for v in function.variables if v.name == "seed_generator_state"]
            for variable, child in zip(states, seeds.spawn(len(states)), strict=True):
                variable.assign((child.generate_state(2) >> 1).astype(variable.dtype))
            return np.asarray(keras.ops.convert_to_numpy(function(images, training=True)))
    if _num_positional(function) >= 2:
        (child,) = seeds.spawn(1)
        return np.asarray(function(images, np.random.default_rng(child)))
    return np.asarray(function(images))


def _num_positional(function: Callable[..., Any]) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions have no signature
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in parameters)
