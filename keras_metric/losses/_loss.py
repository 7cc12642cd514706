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
      where some rows take no part it returns `share_of_mean(sums, counts)`, so that
      Keras's mean over the batch is the mean over what does take part;
    - checks its arguments in `__init__` and adds each of them to `get_config`;
    - is registered with `@keras.saving.register_keras_serializable("keras_metric")`.

    Class ids and sums do not survive 16 bits: under a 16-bit `dtype` the computation
    and its result are float32.
    """

    @property
    def dtype(self) -> str:
        """The dtype computed in: the one asked for, widened to at least 32 bits."""
        dtype: str = super().dtype
        return "float32" if dtype in ("float16", "bfloat16") else dtype

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "dtype": super().dtype}


def share_of_mean(sums: Any, counts: Any) -> Any:
    """Scale per-row sums so that their mean over the batch is `sum(sums) / sum(counts)`.

    Args:
        sums: What each row adds to the loss, shape `(batch,)`.
        counts: Of how many terms, shape `(batch,)`; 0 for a row that takes no part.

    Returns:
        Tensor of shape `(batch,)`; zeros where there is not a single term.
    """
    counts = ops.cast(counts, sums.dtype)
    batch = ops.cast(ops.shape(sums)[0], sums.dtype)
    return sums * ops.divide_no_nan(batch, ops.sum(counts))


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
