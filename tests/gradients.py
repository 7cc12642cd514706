"""Value and gradient of a function of one array, on whichever backend Keras runs."""

import keras
import numpy as np
from keras import ops


def value_and_gradient(function, x):
    """`function(x)`, a scalar, and its gradient by `x`, as numpy arrays of float64."""
    backend = keras.backend.backend()
    x = ops.convert_to_tensor(x)
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        gradient = tape.gradient(value, x)
    elif backend == "jax":
        import jax

        value, gradient = jax.value_and_grad(function)(x)
    else:
        x = x.detach().requires_grad_(True)
        value = function(x)
        value.backward()
        value, gradient = value.detach(), x.grad
    if gradient is None:
        gradient = ops.zeros_like(x)
    return tuple(
        np.asarray(ops.convert_to_numpy(ops.cast(part, "float32")), "float64")
        for part in (value, gradient)
    )
