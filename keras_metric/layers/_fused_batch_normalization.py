"""Batch normalization in one kernel."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_metric")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, trained in one kernel where TensorFlow has one.

    Keras 3 computes it on TensorFlow by separate passes over the feature maps, which takes
    more time on a CPU than the convolutions between. The arguments, weights and values are
    those of Keras's layer. Feature maps of rank 4 with channels last, scaled and centred, are
    fused in training on TensorFlow; all else is left to Keras's layer.

    Args:
        **kwargs: Those of `keras.layers.BatchNormalization`.

    Call arguments:
        inputs: Of any rank; fused for shape `(batch, height, width, channels)`.
        training: Whether to normalize by the batch or by the moving averages.
        mask: As for Keras's layer; not fused.

    Example:
        >>> import numpy as np
        >>> maps = np.array([1.0, 3.0], "float32").reshape(2, 1, 1, 1)
        >>> layer = FusedBatchNormalization(epsilon=1e-6)
        >>> ops.convert_to_numpy(layer(maps, training=True)).ravel().round(3).tolist()
        [-1.0, 1.0]
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return the normalized inputs, of their shape."""
        if not (training and self.trainable and mask is None and self._is_fusable(inputs)):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        x = ops.cast(inputs, "float32")
        no_average = tf.zeros((0,), "float32")
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=ops.cast(self.gamma, "float32"),
            offset=ops.cast(self.beta, "float32"),
            mean=no_average,
            variance=no_average,
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel divides the squares by one less than their number, Keras by their number.
        number = ops.cast(tf.size(x) / x.shape[-1], "float32")
        biased = variance * (number - 1.0) / number
        for average, found in ((self.moving_mean, mean), (self.moving_variance, biased)):
            kept = ops.cast(average, "float32") * self.momentum
            average.assign(kept + found * (1.0 - self.momentum))
        return ops.cast(outputs, self.compute_dtype)

    def _is_fusable(self, inputs: Any) -> bool:
        return (
            keras.backend.backend() == "tensorflow"
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and not self.synchronized
            and not getattr(self, "renorm", False)
            and keras.backend.standardize_dtype(inputs.dtype) != "float64"
        )
