"""Similarities to trained class proxies."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric._names import unknown_name
from keras_metric.distances._numerics import as_float, unit
from keras_metric.layers._uncast_layer import UncastLayer


@keras.saving.register_keras_serializable(package="keras_metric")
class ProxyHead(UncastLayer):
    """Similarity of each embedding to one or several proxies of each class.

    The proxies are trained weights: put this layer after the embedding while training with
    a `ClassProxyLoss`, and keep the model before it for retrieval.

    Args:
        num_classes: Number of classes.
        centers_per_class: Proxies of each class.
        similarity: Name of a distance or a `Distance`; its similarity is put out, for
            `"cosine"` the cosine.
        lengths: `"embedding"` to put out beside each cosine the embedding's length
            (`SphereFaceLoss`), `"both"` for its product with the proxy's
            (`LargeMarginSoftmaxLoss`). Only with cosines and one centre.
        kernel_initializer: Of the proxies. Default: normal.
        kernel_regularizer: Of the proxies, rows of shape `(classes * centers, dim)`.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Input shape: `(batch, dim)`.

    Output shape: `(batch, classes)`, float32 or wider; `(batch, classes, centers)` for
    several centres; `(batch, classes, 2)` with lengths.

    Raises:
        ValueError: A number is not positive, a name is unknown, or arguments do not go
            together.

    Example:
        >>> head = ProxyHead(10, centers_per_class=3)
        >>> tuple(head(keras.ops.ones((2, 4))).shape)
        (2, 10, 3)
    """

    def __init__(
        self,
        num_classes: int,
        centers_per_class: int = 1,
        similarity: Any = "cosine",
        lengths: str | None = None,
        kernel_initializer: Any = "random_normal",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("num_classes", num_classes), ("centers_per_class", centers_per_class)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer. Received: {name}={value!r}")
        self.num_classes = num_classes
        self.centers_per_class = centers_per_class
        self.similarity = distances.get(similarity)
        self._is_cosine = type(self.similarity) is distances.CosineDistance
        if lengths not in (None, "embedding", "both"):
            raise unknown_name("lengths", "lengths", lengths, ("embedding", "both"))
        if lengths is not None and (centers_per_class > 1 or not self._is_cosine):
            raise ValueError(
                "lengths goes with cosines to one centre a class. Received: "
                f"lengths={lengths!r}, centers_per_class={centers_per_class}"
            )
        self.lengths = lengths
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape: Any) -> None:
        """Make the proxies, shape `(classes * centers, dim)`."""
        if len(input_shape) != 2 or input_shape[-1] is None:
            raise ValueError(
                "ProxyHead takes embeddings of shape (batch, dim). "
                f"Received: inputs.shape={tuple(input_shape)}"
            )
        self.proxies = self.add_weight(
            name="proxies",
            shape=(self.num_classes * self.centers_per_class, input_shape[-1]),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            autocast=False,
        )

    def call(self, inputs: Any) -> Any:
        """Return the similarities."""
        proxies = as_float(self.proxies, "proxies")
        x = ops.cast(as_float(inputs, "inputs"), proxies.dtype)
        if not self._is_cosine:
            values = self.similarity.to_similarity(self.similarity.pairwise(x, proxies))
        else:
            values = ops.matmul(unit(x), ops.transpose(unit(proxies)))
        if self.lengths is not None:
            return ops.stack(
                [values, ops.broadcast_to(self._lengths(x, proxies), ops.shape(values))], -1
            )
        if self.centers_per_class == 1:
            return values
        return ops.reshape(values, (-1, self.num_classes, self.centers_per_class))

    def _lengths(self, x: Any, proxies: Any) -> Any:
        length = ops.sum(x * unit(x), axis=1, keepdims=True)
        if self.lengths == "embedding":
            return length
        return length * ops.expand_dims(ops.sum(proxies * unit(proxies), axis=1), 0)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the similarities."""
        shape: tuple[int | None, ...] = (input_shape[0], self.num_classes)
        if self.lengths is not None:
            return (*shape, 2)
        return shape if self.centers_per_class == 1 else (*shape, self.centers_per_class)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "centers_per_class": self.centers_per_class,
            "similarity": distances.serialize(self.similarity),
            "lengths": self.lengths,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
