"""Where in the image a patch is, learnt."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_metric")
class PositionEmbedding(keras.layers.Layer):
    """Adds a trained vector to each step of a sequence of fixed length.

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), equation 1.

    Args:
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: `(batch, steps, dim)`, output shape the same.
    """

    def build(self, input_shape: Any) -> None:
        """Make a vector for each step."""
        self.positions = self.add_weight(
            name="positions",
            shape=tuple(input_shape[1:]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def call(self, inputs: Any) -> Any:
        """Return the sequence with positions added."""
        return inputs + self.positions

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the input."""
        return input_shape
