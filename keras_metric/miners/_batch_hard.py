"""The hardest positive and the hardest negative."""

from typing import Any

import keras

from keras_metric.miners._batch_easy_hard import BatchEasyHardMiner


@keras.saving.register_keras_serializable(package="keras_metric")
class BatchHardMiner(BatchEasyHardMiner):
    """Every anchor's farthest positive and nearest negative.

    Reference: [Hermans et al., 2017](https://arxiv.org/abs/1703.07737), equation 5.

    Args:
        allowed_pos_range: Smallest and largest distance of a positive.
        allowed_neg_range: Smallest and largest distance of a negative.
        distance: See `Miner`.

    Raises:
        ValueError: A range is not two ascending numbers.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> is_positive, is_negative = BatchHardMiner()([0, 0, 1, 1], x)
        >>> np.argwhere(np.asarray(is_negative)).tolist()
        [[0, 2], [1, 2], [2, 1], [3, 1]]
    """

    def __init__(
        self,
        allowed_pos_range: Any = None,
        allowed_neg_range: Any = None,
        distance: Any = None,
    ) -> None:
        super().__init__("hard", "hard", allowed_pos_range, allowed_neg_range, distance)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this miner."""
        config = super().get_config()
        return {key: config[key] for key in config if not key.endswith("_strategy")}
