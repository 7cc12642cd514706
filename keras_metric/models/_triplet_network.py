"""Anchor, positive and negative in, two distances out."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric.layers import TripletDistances
from keras_metric.models._tuple_network import TupleNetwork


@keras.saving.register_keras_serializable(package="keras_metric")
class TripletNetwork(TupleNetwork):
    """Embeds anchor, positive and negative by the same weights and takes their distances.

    It trains with Keras's own `fit` on what `tfds.load("fashion_triplets",
    as_supervised=True)` gives, in batches: `((anchor, positive, negative), label)`. The loss
    is `keras_metric.losses.TripletMarginLoss`.

    Reference: [Wang et al., 2014](https://arxiv.org/abs/1404.4661), figure 2.

    Args:
        embedding: A Keras model from one image to a vector, such as `embedding_network` makes.
        distance: Name, `Distance` object or function; see `keras_metric.distances`. None: the
            output is the embeddings themselves, `(batch, 3, dim)`, for `TripletMarginLoss` with
            a distance of its own and `swap=True`.
        name: Name of the model.

    Attributes:
        embedding: The network that was trained, to embed single images.

    Raises:
        TypeError: `embedding` is no Keras model.
        ValueError: `embedding` has several inputs or outputs, or does not put out vectors; or
            the distance is unknown. In `fit`: sample weights are not one a triplet.

    Example:
        >>> from keras_metric.models import embedding_network, small_cnn
        >>> TripletNetwork(embedding_network(small_cnn(), 16)).output_shape
        (None, 2)
    """

    def __init__(
        self, embedding: Any, distance: Any = "euclidean", name: str = "triplet_network"
    ) -> None:
        if distance is None:
            head: Any = _stacked
        else:
            head = TripletDistances(distance, name="distances")
        super().__init__(embedding, TripletDistances.roles, head, name=name)
        self.distance = None if distance is None else head.distance

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this network."""
        config = None if self.distance is None else distances.serialize(self.distance)
        return {**super().get_config(), "distance": config}


def _stacked(embeddings: list[Any]) -> Any:
    return ops.stack(embeddings, axis=1)  # (batch, 3, dim)
