"""From two embeddings to one number that says whether they match."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_metric._names import unknown_name
from keras_metric.layers._tuple_layer import PairLayer

_COMBINED = {
    "difference": lambda a, b: ops.abs(a - b),
    "product": lambda a, b: a * b,
    "concatenation": lambda a, b: ops.concatenate([a, b], axis=-1),
}


@keras.saving.register_keras_serializable(package="keras_metric")
class SimilarityHead(PairLayer):
    """Combines two embeddings, then dense layers, then a logit: are they of one class?

    The head of a siamese network that trains with
    `keras.losses.BinaryCrossentropy(from_logits=True)`. Difference and product do not depend
    on the order of the two; the concatenation does. For embeddings of length 1, difference and
    product together told more pairs of Fashion-MNIST right than either alone.

    Reference: [Koch et al., 2015](https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf),
    section 3.1, for the difference.

    Args:
        features: `"difference"` (absolute), `"product"` or `"concatenation"`, or several.
        units: Units of the dense layers before the logit. Default: none, so that the logit is
            a weighted sum of the features.
        activation: Of these layers.
        output_activation: Of the last one. None, a logit; `"sigmoid"`, a probability, for
            `keras.losses.BinaryCrossentropy()`.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: a list of two, `(batch, dim)` each.

    Output shape: `(batch, 1)`, float32 even under mixed precision.

    Raises:
        ValueError: `features` is unknown, `units` are not positive integers, or there are not
            two inputs of one shape.

    Example:
        >>> head = SimilarityHead(["difference", "product"], units=[32])
        >>> tuple(head([keras.ops.ones((2, 4)), keras.ops.ones((2, 4))]).shape)
        (2, 1)
    """

    def __init__(
        self,
        features: str | Sequence[str] = "difference",
        units: Sequence[int] = (),
        activation: Any = "relu",
        output_activation: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.features = [features] if isinstance(features, str) else list(features)
        for name in self.features:
            if name not in _COMBINED:
                raise unknown_name("features", "features", name, _COMBINED)
        if not self.features:
            raise ValueError("There must be at least one of the features. Received: features=[]")
        self.units = list(units) if isinstance(units, (list, tuple)) else [units]
        if not all(type(count) is int and count > 0 for count in self.units):
            raise ValueError(f"`units` must be positive integers. Received: units={units!r}")
        self.activation = keras.activations.get(activation)
        self.output_activation = keras.activations.get(output_activation)
        self._dense = [
            keras.layers.Dense(count, self.activation, dtype=self.dtype_policy, name=f"dense_{i}")
            for i, count in enumerate(self.units)
        ]
        self._last = keras.layers.Dense(
            1, self.output_activation, dtype="float32", name="similarity"
        )

    def build(self, input_shape: Any) -> None:
        """Make the dense layers."""
        size = self.combined_size(self.size_of(input_shape))
        for layer in (*self._dense, self._last):
            layer.build((None, size))
            size = layer.units

    def combine(self, *embeddings: Any) -> Any:
        """Return the logits."""
        x = ops.concatenate([_COMBINED[name](*embeddings) for name in self.features], axis=-1)
        for layer in self._dense:
            x = layer(x)
        return self._last(x)

    def combined_size(self, size: int) -> int:
        """Return the number of features."""
        return size * sum(2 if name == "concatenation" else 1 for name in self.features)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return `(batch, 1)`."""
        self.size_of(input_shape)
        return (input_shape[0][0], 1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "features": self.features,
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "output_activation": keras.activations.serialize(self.output_activation),
        }
