"""Spreads class centres over the sphere."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import is_diagonal, unit
from keras_metric.regularizers._weighted import WeightedRegularizer


@keras.saving.register_keras_serializable(package="keras_metric")
class CenterSpread(WeightedRegularizer):
    """`weight * mean` of each row's cosine to the nearest other row.

    RegularFace, for the proxies of a `ProxyHead`; pytorch-metric-learning's
    `RegularFaceRegularizer`. A single row costs nothing.

    Reference: [Zhao et al., 2019](
    https://openaccess.thecvf.com/content_CVPR_2019/html/Zhao_RegularFace_Deep_Face_Recognition_via_Exclusive_Regularization_CVPR_2019_paper.html).

    Args:
        weight: Factor, at least 0.
        reduction: `"mean"`, for proxies. `"sum"` as `activity_regularizer=`, where Keras
            divides it by the batch size.

    Example:
        >>> float(CenterSpread()([[1.0, 0.0], [0.0, 2.0]]))
        0.0
    """

    def penalties(self, x: Any) -> Any:
        """Return each row's largest cosine to another."""
        x = unit(x)
        cosines = ops.matmul(x, ops.transpose(x))
        is_self = is_diagonal(cosines)
        # -2 is below every cosine: it is left only where there is no other row.
        nearest = ops.max(ops.where(is_self, -2.0, cosines), axis=1)
        return ops.where(nearest >= -1.5, nearest, 0.0)
