"""What every loss of this package shares, whatever its labels are."""

from abc import ABC
from typing import Any

import keras
from keras import ops


class MetricLoss(keras.losses.Loss, ABC):
    """A Keras loss that computes in 32 bits or more and keeps its dtype in its config.

    Base of the labelled-batch losses (`LabelledBatchLoss`), of the losses on explicit
    pairs and triplets, and of those on class proxies or views. A subclass

    - implements `call(y_true, y_pred)` and returns one value per row, shape `(batch,)`;
      where some rows take no part it returns `share_of_mean(sums, counts, weights)`, so
      that Keras's mean is the mean over what does take part;
    - checks its arguments in `__init__` and adds each of them to `get_config`;
    - is registered with `@keras.saving.register_keras_serializable("keras_metric")`.

    What Keras's `reduction` makes of the rows' values `v` and a call's `sample_weight` `w`:

    - `"sum_over_batch_size"` (the default), or `"mean"`: `sum(w v) / batch`. Without weights
      it is the mean of all that takes part, the published loss;
    - `"sum"`: `sum(w v)`, `batch` times that;
    - `"none"`, or `None`: `w v`, shape `(batch,)`. Where rows take no part, the values of the
      others are larger to make up for it;
    - `"mean_with_sample_weight"`: `sum(w v) / sum(w)`; where rows take no part, their weights
      do not count either: `sum(w sums) / sum(w counts)`. A scale of all weights is irrelevant.

    Class ids and sums do not survive 16 bits: under a 16-bit `dtype` the computation
    and its result are float32.
    """

    @property
    def dtype(self) -> str:
        """The dtype computed in: the one asked for, widened to at least 32 bits."""
        dtype: str = super().dtype
        return "float32" if dtype in ("float16", "bfloat16") else dtype

    def weights_of_mean(self, sample_weight: Any) -> dict[str, Any]:
        """`{"sample_weight": its values}` where Keras divides by their sum, else `{}`."""
        if sample_weight is None or self.reduction != "mean_with_sample_weight":
            return {}
        weights = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
        return {"sample_weight": ops.reshape(weights, (-1,))}

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "dtype": super().dtype}


def share_of_mean(sums: Any, counts: Any, weights: Any = None) -> Any:
    """Scale per-row sums so that their mean over the batch is `sum(sums) / sum(counts)`.

    With weights their weighted mean is `sum(weights sums) / sum(weights counts)`.

    Args:
        sums: What each row adds to the loss, shape `(batch,)`.
        counts: Of how many terms, shape `(batch,)`; 0 for a row that takes no part.
        weights: The rows' weights by whose sum Keras divides, shape `(batch,)`; see
            `MetricLoss.weights_of_mean`. Default: it divides by the batch size.

    Returns:
        Tensor of shape `(batch,)`; zeros where there is not a single term.
    """
    counts = ops.cast(counts, sums.dtype)
    if weights is None:
        divisor = ops.cast(ops.shape(sums)[0], sums.dtype)
    else:
        divisor, counts = ops.sum(weights), weights * counts
    return sums * ops.divide_no_nan(divisor, ops.sum(counts))


def check_embeddings(embeddings: Any, *ranks: int, argument: str = "y_pred") -> Any:
    """Return `embeddings` as a float tensor of one of `ranks`, or say what is wrong."""
    tensor = ops.convert_to_tensor(embeddings)
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise TypeError(
            f"Embeddings must be floating point numbers. Received: {argument} of dtype={dtype}"
        )
    rank = rank_of(tensor)
    if rank is not None and rank not in ranks:
        shapes = {
            1: "(batch,)",
            2: "(batch, dim)",
            3: "(batch, 2 or 3, dim)",
        }
        expected = " or ".join(shapes[rank] for rank in ranks)
        raise ValueError(
            f"Expected embeddings of shape {expected}. "
            f"Received: {argument}.shape={tuple(tensor.shape)}"
        )
    return tensor


def rank_of(tensor: Any) -> int | None:
    """The number of axes, or `None` where TensorFlow does not know it."""
    rank = getattr(tensor.shape, "rank", -1)
    return len(tensor.shape) if rank == -1 else rank
