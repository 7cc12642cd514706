"""A layer that takes its inputs as they are, whatever the dtype policy."""

from typing import Any

import keras


class UncastLayer(keras.layers.Layer):
    """Abstract base of a layer whose inputs are not cast to the policy's dtype.

    Under mixed precision unit vectors come in as float32, and 16 bits are too few for what is
    computed of them.

    Args:
        **kwargs: `name` and others of `keras.layers.Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"autocast": False, **kwargs})

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return shape and dtype; the dtype is not the policy's, since inputs are not cast."""
        return keras.Operation.compute_output_spec(self, inputs)
