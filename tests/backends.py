"""Value and gradient of a function on whichever backend Keras runs."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops


def to_numpy(tensor: Any) -> np.ndarray:
    """Return a tensor of any backend and float dtype as a numpy array."""
    tensor = ops.convert_to_tensor(tensor)
    if keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        tensor = ops.cast(tensor, "float32")
    return ops.convert_to_numpy(tensor)


def slow_on_jax(test: Any) -> Any:
    """Mark a test slow on JAX, where compiling each of its cases takes seconds."""
    return pytest.mark.slow(test) if keras.backend.backend() == "jax" else test


only_where_constants_can_slip_in = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="JAX takes whatever is traced as an argument, PyTorch compiles nothing by default",
)


def compiled_on_jax(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Compile on JAX, where an uncompiled call compiles each of its parts anew."""
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function)


def value_and_gradient(
    function: Callable[[Any], Any], x: Any, dtype: str | None = None, jit: bool | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return `function(x)` and its derivative by `x`.

    `jit` says whether to compile, where that is possible; by default on JAX.
    """
    backend = keras.backend.backend()
    x = ops.convert_to_tensor(x, dtype=dtype)
    if backend == "tensorflow":
        value, gradient = _tensorflow(function, x, bool(jit))
    elif backend == "jax":
        import jax

        both = jax.value_and_grad(function)
        value, gradient = (both if jit is False else jax.jit(both))(x)
    else:
        x = x.detach().clone().requires_grad_(True)
        value = function(x)
        value.backward()
        gradient = x.grad if x.grad is not None else ops.zeros_like(x)
        value = value.detach()
    return to_numpy(value), to_numpy(gradient)


def _tensorflow(function: Callable[[Any], Any], x: Any, jit: bool) -> tuple[Any, Any]:
    import tensorflow as tf

    def both(x: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        gradient = tape.gradient(value, x, unconnected_gradients="zero")
        return value, tf.convert_to_tensor(gradient)

    if not jit:
        return both(x)
    # A dynamic batch size, as in `fit`; XLA fixes it when it compiles.
    signature = [tf.TensorSpec([None, *x.shape[1:]], x.dtype)]
    return tf.function(both, input_signature=signature, jit_compile=True)(x)


def loss_value(loss: Callable[..., Any], labels: Any, x: Any, **kwargs: Any) -> np.ndarray:
    """Return `loss(labels, x, **kwargs)`, which JAX compiles once an instance and a shape.

    Labels that JAX has no dtype for, and lists, reach the loss as they are.
    """
    if keras.backend.backend() != "jax":
        return to_numpy(loss(labels, x, **kwargs))
    if isinstance(labels, list) or np.asarray(labels).dtype.kind in "US" or _is_long(labels):
        return to_numpy(compiled_on_jax(lambda x: loss(labels, x, **kwargs))(x))
    return to_numpy(_jax_call()(loss, labels, x, kwargs))


def _is_long(labels: Any) -> bool:
    return labels is not None and bool(np.abs(np.asarray(labels).astype("int64")).max() >= 2**31)


@functools.cache
def _jax_call() -> Any:
    import jax

    return jax.jit(lambda loss, labels, x, kwargs: loss(labels, x, **kwargs), static_argnums=0)


def value_and_gradient_of(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a function of labels and embeddings to value and gradient, for many calls.

    On JAX it is compiled, once a dtype: uncompiled, every call would compile its parts.
    """
    if keras.backend.backend() != "jax":
        return lambda labels, x: value_and_gradient(lambda x: loss(labels, x), x)
    import jax

    step = jax.jit(jax.value_and_grad(loss, argnums=1))

    def call(labels: Any, x: Any) -> tuple[np.ndarray, np.ndarray]:
        value, gradient = step(ops.convert_to_tensor(labels), x)
        return to_numpy(value), to_numpy(gradient)

    return call


def is_compiled_for_any_batch(loss: Callable[..., Any], labels: Any, x: Any) -> bool:
    """Whether TensorFlow's program takes both as arguments.

    What an operation wants to know at compile time becomes a constant of the program, which is
    then compiled anew for every batch.
    """
    import tensorflow as tf

    def both(labels: Any, x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(labels, x)
        return value, tf.convert_to_tensor(tape.gradient(value, x))

    program = tf.function(both, jit_compile=True).experimental_get_compiler_ir(
        tf.constant(labels, "int64"), tf.constant(x, "float32")
    )(stage="hlo")
    arguments = program.split("entry_computation_layout={(")[1].split(")->")[0]
    return "s64[" in arguments and "f32[" in arguments
