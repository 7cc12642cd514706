"""Entanglement of the classes: how likely a near neighbour is of another class."""

from typing import Any

import keras

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._pair_loss import PairLoss, neighbour_terms


@keras.saving.register_keras_serializable(package="keras_metric")
class SoftNearestNeighborLoss(PairLoss):
    """Entanglement of the classes: how likely a near neighbour is of another class.

    `-log(sum_p exp(-d_ap / t) / sum_k exp(-d_ak / t))`, `k` over positives and negatives.
    What is averaged: all anchors that have a positive. Defaults are
    tensorflow-similarity's.

    Reference: [Frosst et al., 2019](https://arxiv.org/abs/1902.01889), equation 1.

    Args:
        temperature: Divides the distances. Must be greater than 0.
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
        >>> # Squared distances are 0 to the positive and 2 to two negatives: log(1 + 2 e^-1).
        >>> loss = SoftNearestNeighborLoss(temperature=2.0)(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")
        0.5514
    """

    def __init__(
        self,
        temperature: float = 1.0,
        name: str | None = "soft_nearest_neighbor_loss",
        *,
        distance: Any = "squared_euclidean",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.temperature = _arguments.positive("temperature", temperature)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's value, and whether it has a positive."""
        logits = -batch.pairwise(self.distance) / self.temperature
        return neighbour_terms(batch, logits)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "temperature": self.temperature}
