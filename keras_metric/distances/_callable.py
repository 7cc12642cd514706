"""A user's function as a distance."""

import inspect
from collections.abc import Callable
from typing import Any, Self

import keras
from keras import ops

from keras_metric.distances._distance import Distance


@keras.saving.register_keras_serializable(package="keras_metric")
class CallableDistance(Distance):
    """A function that computes pairwise distances.

    Args:
        function: Takes embeddings `(n, dim)` and returns `(n, n)`, as TFA's
            `distance_metric` does, or takes two sets, `(n, dim)` and `(m, dim)`, and
            returns `(n, m)`. To be saved with a model it must be registered with
            `keras.saving.register_keras_serializable`.

    Raises:
        TypeError: `function` cannot be called with one or two arguments.

    Example:
        >>> from keras import ops
        >>> distance = CallableDistance(lambda a, b: ops.abs(a - ops.transpose(b)))
        >>> import numpy as np
        >>> np.asarray(distance.pairwise([[1.0], [4.0]])).tolist()
        [[0.0, 3.0], [3.0, 0.0]]
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._takes_two = _number_of_arguments(function) >= 2

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this distance."""
        return {"function": keras.saving.serialize_keras_object(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild a distance from `get_config`."""
        return cls(keras.saving.deserialize_keras_object(config["function"]))

    def _pairwise(self, a: Any, b: Any) -> Any:
        if self._takes_two:
            return self.function(a, a if b is None else b)
        if b is None:
            return self.function(a)
        n = ops.shape(a)[0]
        return self.function(ops.concatenate([a, b], axis=0))[:n, n:]

    def _paired(self, a: Any, b: Any) -> Any:
        if len(a.shape) != 2:
            raise ValueError(
                "A function of pairwise distances compares embeddings of shape (batch, dim). "
                f"Received: a.shape={tuple(a.shape)}"
            )
        return ops.diagonal(self._pairwise(a, b))


def _number_of_arguments(function: Callable[..., Any]) -> int:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature
        return 1
    required = [p for p in parameters if p.kind in positional and p.default is p.empty]
    if len(required) in (1, 2):
        return len(required)
    raise TypeError(
        "A distance function takes one set of embeddings or two. "
        f"Received: {function!r}, which requires {len(required)} arguments"
    )
