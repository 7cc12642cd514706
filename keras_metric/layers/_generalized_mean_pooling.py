"""Pooling between the average and the maximum, learnt."""

import math
from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import as_float
from keras_metric.losses._arguments import positive

_LEAST = 1e-6


class _GeneralizedMeanPooling(keras.layers.Layer):
    """Abstract base: the generalized mean over all axes but batch and channels."""

    num_axes: int

    def __init__(
        self,
        p: float = 3.0,
        trainable_p: bool = True,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._initial = positive("p", p)
        self.trainable_p = bool(trainable_p)
        self.data_format = keras.backend.image_data_format() if data_format is None else data_format
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                "`data_format` must be 'channels_last' or 'channels_first'. "
                f"Received: data_format={data_format!r}"
            )
        self.supports_masking = self.num_axes == 1

    @property
    def p(self) -> float:
        """The exponent as it is now."""
        if not self.built:
            return self._initial
        return math.exp(float(ops.convert_to_numpy(self._log_p.value)))

    def build(self, input_shape: Any) -> None:
        """Make the exponent; its logarithm is trained, so that it stays above 0."""
        self._check(input_shape)
        self._log_p = self.add_weight(
            name="log_p",
            shape=(),
            initializer=keras.initializers.Constant(math.log(self._initial)),
            trainable=self.trainable_p,
            autocast=False,
            dtype="float32",
        )

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return one vector for each row."""
        self._check(inputs.shape)
        axes, x = self._axes(), as_float(inputs, "inputs")
        p = ops.cast(ops.exp(ops.convert_to_tensor(self._log_p)), x.dtype)
        is_kept = ops.ones_like(x, dtype="bool")
        if mask is not None:
            of_steps = ops.expand_dims(ops.cast(mask, "bool"), 3 - axes[0])
            is_kept = ops.logical_and(is_kept, of_steps)
        # Divided by the largest entry, powers stay in range at any exponent.
        x = ops.where(is_kept, x, 0.0)
        largest = ops.stop_gradient(ops.max(x, axis=axes, keepdims=True))
        is_alive = largest > 0  # a channel without a positive entry gives 0, and no gradient
        ratios = ops.maximum(x / ops.where(is_alive, largest, 1.0), _LEAST)
        powers = ops.where(is_kept, ops.power(ratios, p), 0.0)
        counts = ops.sum(ops.cast(is_kept, x.dtype), axis=axes, keepdims=True)
        mean = ops.sum(powers, axis=axes, keepdims=True) / ops.maximum(counts, 1.0)
        mean = ops.power(ops.where(is_alive, mean, 1.0), 1.0 / p)
        pooled = ops.squeeze(ops.where(is_alive, largest * mean, 0.0), axes)
        return ops.cast(pooled, self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None: no steps are left."""
        return None

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return `(batch, channels)`."""
        self._check(input_shape)
        is_last = self.data_format == "channels_last"
        return (input_shape[0], input_shape[-1 if is_last else 1])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "p": self._initial,
            "trainable_p": self.trainable_p,
            "data_format": self.data_format,
        }

    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.num_axes))

    def _check(self, shape: Any) -> None:
        if len(shape) != self.num_axes + 2:
            wanted = "(batch, steps, dim)" if self.num_axes == 1 else "(batch, height, width, dim)"
            raise ValueError(
                f"{type(self).__name__} takes features of shape {wanted}. "
                f"Received: inputs.shape={tuple(shape)}"
            )


@keras.saving.register_keras_serializable(package="keras_metric")
class GeneralizedMeanPooling1D(_GeneralizedMeanPooling):
    """The generalized mean of a sequence's steps, for each channel.

    `(mean of x^p over the steps)^(1/p)`: the average for p = 1, and ever nearer to the maximum
    for larger p. Entries below 1e-6 of the largest, negative ones too, count as that; a channel
    without a positive entry gives 0. Masked steps are left out.

    Reference: [Radenovic et al., 2018](https://arxiv.org/abs/1711.02512), equation 3.

    Args:
        p: The exponent, at first. Must be greater than 0.
        trainable_p: Whether it is trained.
        data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: `(batch, steps, channels)`.

    Output shape: `(batch, channels)`.

    Raises:
        ValueError: `p` is not positive, or the input is of another rank.

    Example:
        >>> import numpy as np
        >>> x = np.array([[[1.0], [7.0]]], "float32")  # sqrt((1 + 49) / 2)
        >>> print(f"{float(GeneralizedMeanPooling1D(p=2)(x)[0, 0]):.3f}")
        5.000
    """

    num_axes = 1


@keras.saving.register_keras_serializable(package="keras_metric")
class GeneralizedMeanPooling2D(_GeneralizedMeanPooling):
    """The generalized mean over a feature map, for each channel.

    `(mean of x^p over height and width)^(1/p)`: the average for p = 1, and ever nearer to the
    maximum for larger p. Entries below 1e-6 of the largest, negative ones too, count as that;
    a channel without a positive entry gives 0.

    Reference: [Radenovic et al., 2018](https://arxiv.org/abs/1711.02512), equation 3.

    Args:
        p: The exponent, at first. Must be greater than 0.
        trainable_p: Whether it is trained.
        data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, channels)`.

    Raises:
        ValueError: `p` is not positive, or the input is of another rank.

    Example:
        >>> tuple(GeneralizedMeanPooling2D()(keras.ops.ones((2, 3, 3, 8))).shape)
        (2, 8)
    """

    num_axes = 2
