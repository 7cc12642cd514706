"""Supervised contrastive loss of images with several labels."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric.distances._numerics import is_diagonal
from keras_metric.losses import _arguments
from keras_metric.losses._loss import MetricLoss, check_embeddings, rank_of, share_of_mean
from keras_metric.losses._masked import masked_logsumexp
from keras_metric.losses._npairs_multilabel import check_multi_hot


@keras.saving.register_keras_serializable(package="keras_metric")
class SupConMultilabelLoss(MetricLoss):
    """Supervised contrastive loss with one term for each anchor and label of it.

    For anchor `a` and each of its labels, with `P` the others that have the label too,
    `-1 / |P| sum_p (s_ap / t - log sum_k exp(s_ak / t))`, where `s` is minus the distance and
    `k` runs over all others. What is averaged: all terms (anchor, label) whose label another
    row has too. With one label a row this is `SupConLoss`.

    Reference: [Malkinski and Mandziuk, 2020](https://arxiv.org/abs/2012.01944); for one label
    [Khosla et al., 2020](https://arxiv.org/abs/2004.11362), equation 2.

    Args:
        temperature: Divides the similarities. Must be greater than 0. The default 0.1 is that
            of `SupConLoss`.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: 1 for each label that a row has, else 0, shape `(batch, labels)`; booleans,
            integers or floats.
        y_pred: Embeddings, shape `(batch, dim)`.
        sample_weight: A factor for each anchor, shape `(batch,)`; 0 removes it as an anchor,
            not as another's positive or negative.
        ref_embeddings: Compare with these, shape `(refs, dim)`, instead of the batch; for
            direct calls.
        ref_labels: Their labels, shape `(refs, labels)`.

    Raises:
        ValueError: `temperature` is not positive, the distance is unknown, or a shape is
            another.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> labels = np.array([[1, 0], [1, 1], [0, 1]])
        >>> # Minus the distances: 0 from 0 to 1, else -1. From 0, and from 1 by the first label:
        >>> # log(1 + 1/e); from 1 by the second: the same + 1; from 2: log 2.
        >>> loss = SupConMultilabelLoss(temperature=1.0)(labels, x)
        >>> print(f"{float(loss):.4f}")  # (3 * 0.3133 + 1 + 0.6931) / 4
        0.6582
    """

    def __init__(
        self,
        temperature: float = 0.1,
        name: str | None = "sup_con_multilabel_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature = _arguments.positive("temperature", temperature)
        self.distance = distances.get(distance)

    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        ref_embeddings: Any = None,
        ref_labels: Any = None,
    ) -> Any:
        """Return the loss of a batch; see the class."""
        outputs = {"embeddings": check_embeddings(y_pred, 2)}
        targets = {
            "labels": check_multi_hot(y_true, _rows(outputs["embeddings"])),
            **self.weights_of_mean(sample_weight),
        }
        if (ref_labels is None) != (ref_embeddings is None):
            raise ValueError(
                "ref_embeddings and ref_labels belong together. "
                f"Received: ref_labels={ref_labels!r}, ref_embeddings={ref_embeddings!r}"
            )
        if ref_embeddings is not None:
            outputs["references"] = check_embeddings(ref_embeddings, 2, argument="ref_embeddings")
            targets["ref_labels"] = check_multi_hot(
                ref_labels, _rows(outputs["references"]), "ref_labels", "ref_embeddings"
            )
        return super().__call__(targets, outputs, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per anchor, shape `(batch,)`."""
        references = y_pred.get("references")
        similarities = -self.distance.pairwise(y_pred["embeddings"], references)
        logits = similarities / self.temperature
        labels = y_true["labels"]
        others = y_true.get("ref_labels", labels)
        # How many others have each of an anchor's labels, (batch, labels).
        sizes = ops.sum(others, axis=0, keepdims=True)
        is_other = ops.ones_like(logits, dtype="bool")
        if references is None:
            is_other = ops.logical_not(is_diagonal(logits))
            sizes = sizes - labels
        is_term = ops.logical_and(labels > 0, sizes > 0)
        shares = ops.where(is_term, ops.divide_no_nan(labels, sizes), 0.0)
        weights = ops.matmul(shares, ops.transpose(others))  # (batch, refs)
        costs = ops.expand_dims(masked_logsumexp(logits, is_other), 1) - logits
        sums = ops.sum(ops.where(is_other, weights * costs, 0.0), axis=1)
        counts = ops.sum(ops.cast(is_term, sums.dtype), axis=1)
        return share_of_mean(sums, counts, y_true.get("sample_weight"))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "distance": distances.serialize(self.distance),
        }


def _rows(embeddings: Any) -> int | None:
    return embeddings.shape[0] if rank_of(embeddings) is not None else None
