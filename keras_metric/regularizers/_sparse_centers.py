"""Draws the centres of a class together, so that unneeded ones merge."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import safe_sqrt, unit
from keras_metric.regularizers._weighted import WeightedRegularizer


@keras.saving.register_keras_serializable(package="keras_metric")
class SparseCenters(WeightedRegularizer):
    """`weight` times half the mean distance of two centres of one class.

    Distances between centres scaled to length 1. With `ProxyHead(num_classes,
    centers_per_class)` for `SoftTripleLoss`; pytorch-metric-learning's
    `SparseCentersRegularizer`, which adds a small number under each root.

    Reference: [Qian et al., 2019](https://arxiv.org/abs/1909.05235), equation 9.

    Args:
        centers_per_class: Rows of each class, neighbours of each other; at least 2.
        weight: Factor, at least 0.
        reduction: `"mean"`, for proxies. `"sum"` as `activity_regularizer=`, where Keras
            divides it by the batch size.

    Raises:
        ValueError: `centers_per_class` is below 2, or does not divide the rows.

    Example:
        >>> # Two centres of one class at a right angle: sqrt(2) / 2.
        >>> print(f"{float(SparseCenters(2)([[1.0, 0.0], [0.0, 1.0]])):.4f}")
        0.7071
    """

    def __init__(
        self, centers_per_class: int, weight: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(weight, reduction)
        is_integer = isinstance(centers_per_class, int)
        if isinstance(centers_per_class, bool) or not is_integer or centers_per_class < 2:
            raise ValueError(
                "centers_per_class must be an integer of at least 2. "
                f"Received: centers_per_class={centers_per_class!r}"
            )
        self.centers_per_class = centers_per_class

    def penalties(self, x: Any) -> Any:
        """Return half of each centre's mean distance to the others of its class."""
        centers = self.centers_per_class
        if x.shape[0] is not None and x.shape[0] % centers:
            raise ValueError(
                f"Expected a multiple of {centers} rows. Received: x.shape={tuple(x.shape)}"
            )
        x = ops.reshape(unit(x), (-1, centers, x.shape[1]))
        gaps = ops.expand_dims(x, 1) - ops.expand_dims(x, 2)
        # Compiled, a row minus itself may be a rounding error, with a gradient of any direction.
        is_self = ops.eye(centers, dtype="bool")
        distances = safe_sqrt(ops.where(is_self, 0.0, ops.sum(ops.square(gaps), axis=-1)))
        return 0.5 * ops.sum(distances, axis=2) / (centers - 1)  # (classes, centers)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this regularizer."""
        return {**super().get_config(), "centers_per_class": self.centers_per_class}
