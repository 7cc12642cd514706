"""Margin loss."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._class_proxy import at_label, check_class_ids
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._loss import check_embeddings
from keras_metric.losses._masked import masked_sum
from keras_metric.losses._pair_loss import PairLoss
from keras_metric.miners._triplets import AllTriplets, Triplets


@keras.saving.register_keras_serializable(package="keras_metric")
class MarginLoss(PairLoss):
    """Wants positives nearer than a boundary and negatives farther, each by a margin.

    `[d_ap - beta + margin]_+ + [beta - d_an + margin]_+`, summed over the triplets (a, p, n):
    a pair counts as often as it is in one. What is averaged: the terms that cost something.
    pytorch-metric-learning's `MarginLoss`, with its defaults, in `batch^2` memory; it scales
    embeddings to length 1 itself, here that is the network's task.

    The boundary is fixed, or learned by `keras_metric.layers.LearnableMargin`, which appends
    it to the embeddings: `beta=None` reads it from there. The published loss draws its
    triplets: `miner="distance_weighted"`.

    Reference: [Wu et al., 2017](https://arxiv.org/abs/1706.07567), equations 6 and 7.

    Args:
        margin: Wanted distance from the boundary, in units of the distance. Not below 0.
        beta: The boundary, in units of the distance; `None` if it is learned.
        num_classes: Number of classes if the layer learned a boundary for each; class ids are
            from 0 then. Only with `beta=None`.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `miner` (name or `Miner` that chooses the triplets; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`; with `beta=None` the boundaries stand after
    each embedding, shape `(batch, dim + 1)` or `(batch, dim + num_classes)`.

    Raises:
        ValueError: An argument is out of range, the distance or the miner unknown, or learned
            boundaries are not there.
        TypeError: Class ids are not numbers where boundaries were learned for each.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> # Positives are beyond 1.5 by 4 - 1.5 from two anchors, in two triplets each, and
        >>> # negatives within 2.5 by 2.5 - 2 from two, in one triplet each.
        >>> loss = MarginLoss(margin=0.5, beta=2.0)(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")  # (4 * 2.5 + 2 * 0.5) / 6
        1.8333
    """

    def __init__(
        self,
        margin: float = 0.2,
        beta: float | None = 1.2,
        num_classes: int | None = None,
        name: str | None = "margin_loss",
        *,
        distance: Any = "L2",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.margin = _arguments.non_negative("margin", margin)
        self.beta = None if beta is None else _arguments.number("beta", beta)
        if num_classes is not None:
            num_classes = _arguments.count("num_classes", num_classes)
            if beta is not None:
                raise ValueError(
                    "Boundaries for each class are learned: num_classes goes with beta=None. "
                    f"Received: beta={beta!r}, num_classes={num_classes!r}"
                )
        self.num_classes = num_classes

    def split(self, y_true: Any, y_pred: Any) -> tuple[Any, dict[str, Any]]:
        """Part embeddings and boundaries, and pick the boundary of each row's class."""
        if self.beta is not None:
            return y_pred, {}
        y_pred = check_embeddings(y_pred, 2)
        columns = self.num_classes or 1
        if y_pred.shape[1] is not None and y_pred.shape[1] <= columns:
            raise ValueError(
                f"With beta=None {columns} learned boundaries stand after each embedding, as "
                f"LearnableMargin appends them. Received: y_pred.shape={tuple(y_pred.shape)}"
            )
        embeddings, betas = y_pred[:, :-columns], y_pred[:, -columns:]
        if self.num_classes is None:
            return embeddings, {"beta": betas[:, 0]}
        return embeddings, {"beta": _of_class(betas, y_true, columns)}

    def mined(self, batch: LabelledBatch) -> LabelledBatch:
        """Return the batch as it is: the miner chooses triplets of it, not pairs."""
        return batch

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's summed costs and its number of terms that cost something."""
        matrix = batch.pairwise(self.distance)
        beta = self.beta
        if beta is None:
            beta = ops.expand_dims(batch.extras["beta"], 1)
        triplets: Triplets = AllTriplets(batch.is_positive, batch.is_negative)
        if self.miner is not None:
            triplets = self.miner.triplets(batch, matrix)
        positive, negative = triplets.counts(matrix.dtype)
        sums, counts = ops.zeros_like(matrix[:, 0]), ops.zeros_like(matrix[:, 0])
        for violation, times in (
            (matrix - beta + self.margin, positive),
            (beta - matrix + self.margin, negative),
        ):
            is_violated = ops.logical_and(times > 0, ops.logical_not(violation <= 0))
            sums = sums + masked_sum(times * violation, is_violated)
            counts = counts + masked_sum(times, is_violated)
        return sums, counts

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "margin": self.margin,
            "beta": self.beta,
            "num_classes": self.num_classes,
        }


def _of_class(betas: Any, y_true: Any, num_classes: int) -> Any:
    """The boundary of each row's class, `(batch,)`; NaN where a label is no class."""
    if y_true is None:
        raise ValueError(
            "Boundaries for each class need class ids. Received: y_true=None with "
            f"num_classes={num_classes}"
        )
    labels = check_class_ids(y_true, betas)
    if isinstance(labels, np.ndarray):
        is_label = labels.reshape(-1, 1) == np.arange(num_classes)
    else:
        is_long = keras.backend.standardize_dtype(labels.dtype) == "int64"
        classes = ops.arange(num_classes, dtype="int64" if is_long else "int32")
        is_label = ops.reshape(ops.cast(labels, classes.dtype), (-1, 1)) == classes
    found = at_label(betas, is_label)[:, 0]
    return ops.where(ops.any(is_label, axis=1), found, float("nan"))
