"""TensorFlow Addons' losses as functions, with its arguments and values."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses._contrastive import ContrastiveLoss
from keras_metric.losses._lifted_struct import LiftedStructLoss
from keras_metric.losses._npairs import NpairsLoss
from keras_metric.losses._npairs_multilabel import NpairsMultilabelLoss
from keras_metric.losses._triplet_hard import TripletHardLoss
from keras_metric.losses._triplet_semi_hard import TripletSemiHardLoss

_register = keras.saving.register_keras_serializable(package="keras_metric")


@_register
def triplet_semihard_loss(
    y_true: Any, y_pred: Any, margin: float = 1.0, distance_metric: Any = "L2"
) -> Any:
    """The triplet loss with semi-hard negatives: `TripletSemiHardLoss` as a function.

    `compile` gives functions their labels as float32, where ids above 2**24 are no longer
    told apart; give it the class then.

    Args:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`.
        y_pred: Embeddings, shape `(batch, dim)`.
        margin: Wanted gap, in units of the distance. Must be greater than 0.
        distance_metric: Name, `Distance` object or function; see `keras_metric.distances`.

    Returns:
        The loss, a scalar of at least 32 bits.

    Example:
        >>> import numpy as np
        >>> # 1 - 1.5 + 1, 1 - 1 + 1, 0.5 - 1.5 + 1 and 0.5 - 1 + 1, over 4.
        >>> x = np.array([[0.0], [1.0], [1.5], [2.0]], "float32")
        >>> print(f"{float(triplet_semihard_loss([0, 0, 1, 1], x)):.3f}")
        0.500
    """
    loss = TripletSemiHardLoss(margin, distance_metric, dtype=_dtype_of(y_pred))
    return loss(y_true, y_pred)


@_register
def triplet_hard_loss(
    y_true: Any,
    y_pred: Any,
    margin: float = 1.0,
    soft: bool = False,
    distance_metric: Any = "L2",
) -> Any:
    """The triplet loss of the hardest pairs: `TripletHardLoss` as a function.

    Args:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`; see `triplet_semihard_loss`.
        y_pred: Embeddings, shape `(batch, dim)`.
        margin: Wanted gap, in units of the distance. Must be greater than 0.
        soft: Whether to use the smooth form.
        distance_metric: Name, `Distance` object or function; see `keras_metric.distances`.

    Returns:
        The loss, a scalar of at least 32 bits.

    Example:
        >>> import numpy as np
        >>> # 1 - 3 + 3, 1 - 2 + 3, 4 - 2 + 3 and 4 - 6 + 3, over 4.
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
        >>> print(f"{float(triplet_hard_loss([0, 0, 1, 1], x, margin=3.0)):.3f}")
        2.250
    """
    loss = TripletHardLoss(margin, soft, distance_metric, dtype=_dtype_of(y_pred))
    return loss(y_true, y_pred)


@_register
def contrastive_loss(y_true: Any, y_pred: Any, margin: float = 1.0) -> Any:
    """The contrastive loss of each pair: `ContrastiveLoss` as a function, not averaged.

    Args:
        y_true: 1 for a similar pair, 0 for a dissimilar one, shape `(batch,)` or `(batch, 1)`.
        y_pred: Distances, shape `(batch,)` or `(batch, 1)`, or pairs of embeddings, shape
            `(batch, 2, dim)`, for their Euclidean distances.
        margin: Distance from which a dissimilar pair costs nothing. Must be greater than 0.

    Returns:
        One value of at least 32 bits a pair, shape `(batch,)`.

    Example:
        >>> import numpy as np
        >>> values = contrastive_loss([1, 0], np.array([0.5, 0.5], "float32"), margin=2.0)
        >>> [float(value) for value in values]  # 0.5^2 and (2 - 0.5)^2
        [0.25, 2.25]
    """
    loss = ContrastiveLoss(margin, reduction="none", dtype=_dtype_of(y_pred))
    return loss(y_true, y_pred)


@_register
def lifted_struct_loss(labels: Any, embeddings: Any, margin: float = 1.0) -> Any:
    """The lifted structured loss: `LiftedStructLoss` as a function.

    Args:
        labels: Class ids, shape `(batch,)` or `(batch, 1)`; see `triplet_semihard_loss`.
        embeddings: Shape `(batch, dim)`.
        margin: Wanted distance of negatives. Must be greater than 0.

    Returns:
        The loss, a scalar of at least 32 bits.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [3.0, 0.0], [3.0, 1.0]], "float32")
        >>> # Negatives of a pair at 3 and the root of 10, each twice.
        >>> expected = (np.log(2 * np.exp(1 - 3) + 2 * np.exp(1 - 10**0.5)) + 1) ** 2 / 2
        >>> abs(float(lifted_struct_loss([0, 0, 1, 1], x)) - expected) < 1e-6
        True
    """
    return LiftedStructLoss(margin, dtype=_dtype_of(embeddings))(labels, embeddings)


@_register
def npairs_loss(y_true: Any, y_pred: Any) -> Any:
    """The n-pairs loss: `NpairsLoss` as a function.

    Args:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`; see `triplet_semihard_loss`.
        y_pred: Similarities of anchors to partners, shape `(batch, batch)`, or pairs of
            embeddings, shape `(batch, 2, dim)`.

    Returns:
        The loss, a scalar of at least 32 bits.

    Example:
        >>> import numpy as np
        >>> print(f"{float(npairs_loss([3, 5], np.zeros((2, 2), 'float32'))):.4f}")  # log 2
        0.6931
    """
    return NpairsLoss(dtype=_dtype_of(y_pred))(y_true, y_pred)


@_register
def npairs_multilabel_loss(y_true: Any, y_pred: Any) -> Any:
    """The n-pairs loss of several labels: `NpairsMultilabelLoss` as a function.

    Args:
        y_true: 1 for each label that a pair has, else 0, shape `(batch, labels)`.
        y_pred: Similarities of anchors to partners, shape `(batch, batch)`, or pairs of
            embeddings, shape `(batch, 2, dim)`.

    Returns:
        The loss, a scalar of at least 32 bits.

    Example:
        >>> import numpy as np
        >>> labels = [[1, 1], [1, 0]]
        >>> print(f"{float(npairs_multilabel_loss(labels, np.zeros((2, 2), 'float32'))):.4f}")
        0.6931
    """
    return NpairsMultilabelLoss(dtype=_dtype_of(y_pred))(y_true, y_pred)


def _dtype_of(values: Any) -> str | None:
    """The dtype to compute in: that of float64 values, else the default."""
    dtype = keras.backend.standardize_dtype(ops.convert_to_tensor(values).dtype)
    return "float64" if dtype == "float64" else None
