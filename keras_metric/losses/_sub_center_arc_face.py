"""ArcFace with several centres a class, and what they tell about labels."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_metric.losses._arc_face import ArcFaceLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class SubCenterArcFaceLoss(ArcFaceLoss):
    """`ArcFaceLoss` on the nearest of several centres of each class.

    `-log softmax(scale * c)`, `c` the cosine to a class's nearest centre, that of the own
    class with its angle moved by `margin`. Noisy images gather around centres
    of their own; `likely_mislabelled` lists them. What is averaged: all rows.

    Reference: [Deng et al., 2020](https://doi.org/10.1007/978-3-030-58621-8_43), section 3.

    Args:
        margin: Angle in degrees, above 0 and below 180.
        scale: Factor of the cosines.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines to the centres, shape `(batch, classes, centers)`.

    Raises:
        ValueError: An argument is out of range, or a shape or label is.

    Example:
        >>> loss = SubCenterArcFaceLoss(margin=60.0, scale=1.0)
        >>> print(f"{float(loss([0], [[[0.5, -1.0], [0.0, -1.0]]])):.4f}")
        0.9741
    """

    _shape = "(batch, classes, centers)"
    _rank = 3

    def __init__(
        self,
        margin: float = 28.6,
        scale: float = 64.0,
        name: str | None = "sub_center_arc_face_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(margin, scale, name, **kwargs)

    def values(self, similarities: Any, is_label: Any) -> Any:
        """Return each row's cross-entropy."""
        return super().values(ops.max(similarities, axis=2), is_label)


def likely_mislabelled(similarities: Any, labels: Any, threshold: float = 75.0) -> np.ndarray:
    """List the samples that are far from the main centre of their class.

    The main centre of a class is the one that is nearest to most of its samples.
    pytorch-metric-learning's `SubCenterArcFaceLoss.get_outliers`.

    Args:
        similarities: Cosines to the centres, `(samples, classes, centers)`, as
            `ProxyHead(centers_per_class=...)` puts them out.
        labels: Class ids, `(samples,)`.
        threshold: Angle to the main centre in degrees, above which a sample is listed.

    Returns:
        Indices of the listed samples, ascending.

    Raises:
        ValueError: A shape is not as above, or a label is no class.

    Example:
        >>> cosines = [[[0.9, 0.0]], [[0.8, 0.1]], [[0.1, 0.9]]]
        >>> likely_mislabelled(cosines, [0, 0, 0]).tolist()
        [2]
    """
    values = np.asarray(ops.convert_to_numpy(similarities))
    classes = np.asarray(ops.convert_to_numpy(labels)).reshape(-1)
    if values.ndim != 3 or len(values) != len(classes):
        raise ValueError(
            "Expected similarities of shape (samples, classes, centers) and one label each. "
            f"Received: similarities.shape={values.shape}, {len(classes)} labels"
        )
    if len(classes) and not (classes.min() >= 0 and classes.max() < values.shape[1]):
        raise ValueError(
            f"labels must be from 0 to {values.shape[1] - 1}. "
            f"Received: labels from {classes.min()} to {classes.max()}"
        )
    own = values[np.arange(len(values)), classes.astype(int)]  # (samples, centers)
    votes = np.zeros(values.shape[1:], int)
    np.add.at(votes, (classes.astype(int), own.argmax(axis=1)), 1)
    to_main = own[np.arange(len(own)), votes.argmax(axis=1)[classes.astype(int)]]
    return np.flatnonzero(to_main < np.cos(np.radians(threshold)))
