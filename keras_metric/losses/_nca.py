"""Log-probability that an anchor picks a neighbour of its own class."""

from typing import Any

import keras

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._pair_loss import PairLoss, neighbour_terms


@keras.saving.register_keras_serializable(package="keras_metric")
class NCALoss(PairLoss):
    """Log-probability that an anchor picks a neighbour of its own class.

    `-log(sum_p exp(-c d_ap) / sum_k exp(-c d_ak))`, `k` over positives and negatives. What
    is averaged: all anchors that have a positive. Defaults are pytorch-metric-learning's,
    which scales embeddings to length 1 itself; here that is the network's task.

    Reference: [Goldberger et al., 2005](
    https://www.cs.toronto.edu/~hinton/absps/nca.pdf), equation 7.

    Args:
        softmax_scale: Multiplies the distances. Must be greater than 0.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range or the distance unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> # Squared distances are 0 to the positive and 2 to two negatives: log(1 + 2 e^-2).
        >>> loss = NCALoss()(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")
        0.2395
    """

    def __init__(
        self,
        softmax_scale: float = 1.0,
        name: str | None = "nca_loss",
        *,
        distance: Any = "squared_euclidean",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.softmax_scale = _arguments.positive("softmax_scale", softmax_scale)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's value, and whether it has a positive."""
        logits = -self.softmax_scale * batch.pairwise(self.distance)
        return neighbour_terms(batch, logits)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "softmax_scale": self.softmax_scale}
