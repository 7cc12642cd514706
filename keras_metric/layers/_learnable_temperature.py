"""A trained temperature."""

import math
from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import as_float, unit
from keras_metric.layers._uncast_layer import UncastLayer
from keras_metric.losses import _arguments


@keras.saving.register_keras_serializable(package="keras_metric")
class LearnableTemperature(UncastLayer):
    """Scales embeddings to the length `1 / sqrt(t)`, with a trained temperature `t`.

    The dot product of two such embeddings is their cosine divided by `t`: give the loss
    `temperature=1` and `distance="dot_product"`. Put this layer after the embedding while
    training; for retrieval by cosine it changes nothing.

    Trained is the logarithm of `1 / t`, as in CLIP. As there, a step that takes `t` below
    `lowest` is cut to end at it, so that the next one can lead away again.

    Reference: [Radford et al., 2021](https://arxiv.org/abs/2103.00020), section 2.5.

    Args:
        initial: Temperature to start from. Must be greater than 0.
        lowest: Smallest temperature. Must be greater than 0, at most `initial`.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: `(..., dim)`: embeddings, or several stacked.

    Output shape: the same, float32 or wider.

    Raises:
        ValueError: A temperature is out of range.
        TypeError: Inputs are not floating point.

    Example:
        >>> import numpy as np
        >>> x = LearnableTemperature(initial=0.25)(np.array([[3.0, 4.0]], "float32"))
        >>> [f"{value:.1f}" for value in keras.ops.convert_to_numpy(x)[0]]  # 0.6, 0.8, doubled
        ['1.2', '1.6']
    """

    def __init__(self, initial: float = 0.07, lowest: float = 0.01, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial = _arguments.positive("initial", initial)
        self.lowest = _arguments.positive("lowest", lowest)
        if self.lowest > self.initial:
            raise ValueError(
                f"lowest must be at most initial. Received: lowest={lowest!r}, initial={initial!r}"
            )

    def build(self, input_shape: Any) -> None:
        """Make the weight."""
        self.log_scale = self.add_weight(
            name="log_scale",
            shape=(),
            initializer=keras.initializers.Constant(-math.log(self.initial)),
            constraint=lambda log_scale: ops.minimum(log_scale, -math.log(self.lowest)),
            autocast=False,
        )

    @property
    def temperature(self) -> Any:
        """The temperature now."""
        return ops.exp(-self._clipped())

    def call(self, inputs: Any) -> Any:
        """Return the scaled embeddings."""
        scale = ops.exp(0.5 * self._clipped())
        return ops.cast(unit(as_float(inputs, "inputs")), scale.dtype) * scale

    def _clipped(self) -> Any:
        # Optimizers of other libraries know no constraints: the value ends at the limit, too,
        # and the gradient passes.
        log_scale = as_float(self.log_scale, "log_scale")
        return log_scale - ops.stop_gradient(ops.relu(log_scale + math.log(self.lowest)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "initial": self.initial, "lowest": self.lowest}
