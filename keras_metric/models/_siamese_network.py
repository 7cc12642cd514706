"""Two images in, one answer out."""

from typing import Any

import keras

from keras_metric.layers import SimilarityHead
from keras_metric.models._tuple_network import TupleNetwork, check_column


@keras.saving.register_keras_serializable(package="keras_metric")
class SiameseNetwork(TupleNetwork):
    """Embeds two images by the same weights and compares them by a head.

    It trains with Keras's own `fit` on what `tfds.load("fashion_pairs", as_supervised=True)`
    gives, in batches: `((image_a, image_b), same)`. With the default head, whose output is a
    logit, the loss is `keras.losses.BinaryCrossentropy(from_logits=True)`; with
    `PairwiseDistance()` it is `keras_metric.losses.ContrastiveLoss`.

    Reference: [Bromley et al., 1993](
    https://proceedings.neurips.cc/paper/1993/hash/288cc0ff022877bd3df94bc9360b9c5d-Abstract.html).

    Args:
        embedding: A Keras model from one image to a vector, such as `embedding_network` makes.
        head: A layer on the list of two embeddings, `(batch, dim)` each. Default:
            `SimilarityHead()`.
        name: Name of the model.

    Attributes:
        embedding: The network that was trained, to embed single images.
        head: The head, to compare embeddings: `network.head([a, b])`.

    Raises:
        TypeError: `embedding` is no Keras model, or `head` is no layer.
        ValueError: `embedding` has several inputs or outputs, or does not put out vectors; or
            the head does not take two of them. In `fit`: targets or sample weights are not
            one a pair.

    Example:
        >>> from keras_metric.models import embedding_network, small_cnn
        >>> network = SiameseNetwork(embedding_network(small_cnn(), 16))
        >>> network.output_shape
        (None, 1)

        Trained, it compares, and its `embedding` serves to search:

        >>> network.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
        >>> images = keras.ops.zeros((4, 28, 28, 1))
        >>> history = network.fit((images, images), keras.ops.ones((4,)), verbose=0)
        >>> network.embedding.predict(images, verbose=0).shape
        (4, 16)
    """

    head: keras.layers.Layer

    def __init__(self, embedding: Any, head: Any = None, name: str = "siamese_network") -> None:
        head = SimilarityHead(name="head") if head is None else head
        if not isinstance(head, keras.layers.Layer):
            raise TypeError(f"`head` must be a Keras layer. Received: head={head!r}")
        super().__init__(embedding, ("image_a", "image_b"), head, name=name)
        self.head = head

    def check_targets(self, y: Any) -> None:
        """Refuse targets that are not one a pair, where the head puts out one number."""
        if tuple(self.outputs[0].shape[1:]) == (1,):
            check_column("y", y)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this network."""
        return {**super().get_config(), "head": keras.saving.serialize_keras_object(self.head)}
