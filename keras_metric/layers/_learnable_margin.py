"""A trained boundary between positives and negatives."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import as_float
from keras_metric.layers._uncast_layer import UncastLayer
from keras_metric.losses import _arguments


@keras.saving.register_keras_serializable(package="keras_metric")
class LearnableMargin(UncastLayer):
    """Appends a trained boundary to each embedding, for `MarginLoss(beta=None)`.

    A loss's own weights would not be trained, so they live here: put this layer after the
    embedding while training, and keep the model before it for retrieval.

    Reference: [Wu et al., 2017](https://arxiv.org/abs/1706.07567), section 4.2, which starts
    it at 1.2 and regularizes it.

    Args:
        num_classes: To have a boundary for each class; give the loss the same number. Default:
            one for all.
        initial: Boundary to start from, in units of the loss's distance.
        regularizer: Of the boundaries. `keras.regularizers.L1(nu)` is the published one.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: `(batch, dim)`.

    Output shape: `(batch, dim + 1)` or `(batch, dim + num_classes)`, float32 or wider.

    Raises:
        ValueError: `num_classes` is not a positive integer, or inputs are not of rank 2.
        TypeError: Inputs are not floating point.

    Example:
        >>> x = LearnableMargin(initial=0.5)(keras.ops.ones((1, 2)))
        >>> keras.ops.convert_to_numpy(x).tolist()
        [[1.0, 1.0, 0.5]]
    """

    def __init__(
        self,
        num_classes: int | None = None,
        initial: float = 1.2,
        regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes = (
            None if num_classes is None else _arguments.count("num_classes", num_classes)
        )
        self.initial = _arguments.number("initial", initial)
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, input_shape: Any) -> None:
        """Make the boundaries."""
        if len(input_shape) != 2:
            raise ValueError(
                "LearnableMargin takes embeddings of shape (batch, dim). "
                f"Received: inputs.shape={tuple(input_shape)}"
            )
        self.betas = self.add_weight(
            name="betas",
            shape=(self.num_classes or 1,),
            initializer=keras.initializers.Constant(self.initial),
            autocast=False,
            regularizer=self.regularizer,
        )

    def call(self, inputs: Any) -> Any:
        """Return the embeddings with the boundaries after them."""
        betas = as_float(self.betas, "betas")
        x = ops.cast(as_float(inputs, "inputs"), betas.dtype)
        shape = (ops.shape(x)[0], self.num_classes or 1)
        return ops.concatenate([x, ops.broadcast_to(ops.expand_dims(betas, 0), shape)], axis=1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of embeddings and boundaries."""
        dim = input_shape[1]
        return (input_shape[0], None if dim is None else dim + (self.num_classes or 1))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "initial": self.initial,
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }
