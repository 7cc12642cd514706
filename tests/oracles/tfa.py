"""TensorFlow Addons' losses, written anew from their published definitions.

They stand for what users' code expects, cubic memory included, and are what the tests
and benchmarks of the TFA-compatible losses compare with. TensorFlow only.
"""

from typing import Any

import tensorflow as tf


def pairwise_distance(embeddings: Any, squared: bool = False) -> Any:
    """Euclidean distances by the Gram form, with a safe root."""
    squares = tf.reduce_sum(tf.square(embeddings), axis=1, keepdims=True)
    gram = tf.matmul(embeddings, embeddings, transpose_b=True)
    distances = tf.maximum(squares + tf.transpose(squares) - 2.0 * gram, 0.0)
    if not squared:
        is_zero = tf.cast(distances <= 0.0, distances.dtype)
        distances = tf.sqrt(distances + is_zero * 1e-16) * (1.0 - is_zero)
    return tf.linalg.set_diag(distances, tf.zeros(tf.shape(embeddings)[0], distances.dtype))


def angular_distance(embeddings: Any) -> Any:
    """One minus the cosine."""
    unit = tf.math.l2_normalize(embeddings, axis=1)
    return tf.maximum(1.0 - tf.matmul(unit, unit, transpose_b=True), 0.0)


DISTANCES = {
    "L2": pairwise_distance,
    "squared-L2": lambda x: pairwise_distance(x, squared=True),
    "angular": angular_distance,
}


def _masked_maximum(data: Any, mask: Any) -> Any:
    lowest = tf.reduce_min(data, axis=1, keepdims=True)
    return tf.reduce_max((data - lowest) * mask, axis=1, keepdims=True) + lowest


def _masked_minimum(data: Any, mask: Any) -> Any:
    highest = tf.reduce_max(data, axis=1, keepdims=True)
    return tf.reduce_min((data - highest) * mask, axis=1, keepdims=True) + highest


def triplet_semihard(labels: Any, embeddings: Any, margin: float = 1.0, metric: str = "L2") -> Any:
    """Semi-hard triplet loss with the published (batch, batch, batch) tiling."""
    labels = tf.reshape(labels, (-1, 1))
    distances = DISTANCES[metric](embeddings)
    adjacency = tf.equal(labels, tf.transpose(labels))
    adjacency_not = tf.logical_not(adjacency)
    n = tf.size(labels)
    tile = tf.tile(distances, [n, 1])
    mask = tf.logical_and(
        tf.tile(adjacency_not, [n, 1]), tile > tf.reshape(tf.transpose(distances), (-1, 1))
    )
    has_farther = tf.reduce_sum(tf.cast(mask, tf.float32), 1, keepdims=True) > 0.0
    has_farther = tf.transpose(tf.reshape(has_farther, [n, n]))
    outside = _masked_minimum(tile, tf.cast(mask, distances.dtype))
    outside = tf.transpose(tf.reshape(outside, [n, n]))
    inside = tf.tile(_masked_maximum(distances, tf.cast(adjacency_not, distances.dtype)), [1, n])
    loss = margin + distances - tf.where(has_farther, outside, inside)
    positives = tf.cast(adjacency, distances.dtype) - tf.eye(n, dtype=distances.dtype)
    return tf.reduce_sum(tf.maximum(loss * positives, 0.0)) / tf.reduce_sum(positives)


def triplet_hard(
    labels: Any, embeddings: Any, margin: float = 1.0, soft: bool = False, metric: str = "L2"
) -> Any:
    """Batch-hard triplet loss."""
    labels = tf.reshape(labels, (-1, 1))
    distances = DISTANCES[metric](embeddings)
    adjacency = tf.equal(labels, tf.transpose(labels))
    negatives = tf.cast(tf.logical_not(adjacency), distances.dtype)
    positives = tf.cast(adjacency, distances.dtype) - tf.eye(tf.size(labels), dtype=distances.dtype)
    gap = _masked_maximum(distances, positives) - _masked_minimum(distances, negatives) + margin
    return tf.reduce_mean(tf.math.log1p(tf.exp(gap)) if soft else tf.maximum(gap, 0.0))


def contrastive(similar: Any, distances: Any, margin: float = 1.0) -> Any:
    """Contrastive loss of each pair."""
    similar = tf.cast(similar, distances.dtype)
    apart = tf.square(tf.maximum(margin - distances, 0.0))
    return similar * tf.square(distances) + (1.0 - similar) * apart


def lifted_struct(labels: Any, embeddings: Any, margin: float = 1.0) -> Any:
    """Lifted structured loss with the published (batch, batch, batch) tiling."""
    labels = tf.reshape(labels, (-1, 1))
    distances = pairwise_distance(embeddings)
    adjacency = tf.equal(labels, tf.transpose(labels))
    n, dtype = tf.size(labels), distances.dtype
    is_negative = tf.cast(tf.logical_not(adjacency), dtype)
    gaps = margin - distances
    largest = _masked_maximum(gaps, is_negative)
    largest = tf.maximum(largest, tf.transpose(largest))  # of either end
    exponents = tf.exp(tf.tile(gaps, [n, 1]) - tf.reshape(tf.transpose(largest), (-1, 1)))
    sums = tf.reshape(tf.reduce_sum(exponents * tf.tile(is_negative, [n, 1]), 1), [n, n])
    costs = largest + tf.math.log(sums + tf.transpose(sums)) + distances
    is_positive = tf.cast(adjacency, dtype) - tf.eye(n, dtype=dtype)
    total = 0.25 * tf.reduce_sum(tf.square(tf.maximum(costs * is_positive, 0.0)))
    return total / (tf.reduce_sum(is_positive) / 2.0)


def npairs(labels: Any, similarities: Any) -> Any:
    """Cross-entropy of rows of similarities with equal weights for the anchor's class."""
    labels = tf.reshape(labels, (-1, 1))
    return _cross_entropy(tf.equal(labels, tf.transpose(labels)), similarities)


def npairs_multilabel(labels: Any, similarities: Any) -> Any:
    """The same with the numbers of shared labels as weights."""
    labels = tf.cast(labels, similarities.dtype)
    return _cross_entropy(tf.matmul(labels, labels, transpose_b=True), similarities)


def _cross_entropy(weights: Any, similarities: Any) -> Any:
    weights = tf.cast(weights, similarities.dtype)
    weights = weights / tf.reduce_sum(weights, 1, keepdims=True)
    costs = tf.nn.softmax_cross_entropy_with_logits(labels=weights, logits=similarities)
    return tf.reduce_mean(costs)
