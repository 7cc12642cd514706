"""Keeps embeddings, or centres, of equal length."""

from typing import Any

import keras
from keras import ops

from keras_metric.regularizers._weighted import WeightedRegularizer


@keras.saving.register_keras_serializable(package="keras_metric")
class Spherical(WeightedRegularizer):
    """`weight * mean (|x|^2 - mean |x|^2)^2 / 4`: rows of one length, whichever it is.

    pytorch-metric-learning's `CenterInvariantRegularizer`.

    Reference: [Wu et al., 2017](
    https://openaccess.thecvf.com/content_ICCV_2017/html/Wu_Deep_Face_Recognition_ICCV_2017_paper.html).

    Args:
        weight: Factor, at least 0.
        reduction: `"mean"`, for proxies. `"sum"` as `activity_regularizer=`, where Keras
            divides it by the batch size.

    Example:
        >>> # Squares 4 and 0, mean 2: (4 + 4) / 2 / 4.
        >>> float(Spherical()([[2.0, 0.0], [0.0, 0.0]]))
        1.0
    """

    def penalties(self, x: Any) -> Any:
        """Return each row's squared deviation."""
        squared = ops.sum(ops.square(x), axis=1)
        return 0.25 * ops.square(squared - ops.mean(squared))
