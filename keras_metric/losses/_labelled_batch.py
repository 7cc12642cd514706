"""Losses on a batch of embeddings with class labels."""

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, Self

from keras import ops

from keras_metric.distances._numerics import is_diagonal
from keras_metric.losses._labels import joint_ids, local_ids
from keras_metric.losses._loss import MetricLoss, check_embeddings, rank_of, share_of_mean


@dataclass(frozen=True)
class LabelledBatch:
    """One batch as a loss sees it: anchors, what they are compared with, who matches.

    Attributes:
        embeddings: The anchors, shape `(batch, dim)`, float32 or float64.
        references: What they are compared with, shape `(refs, dim)`; `embeddings`
            itself unless the caller gave a second set.
        is_positive: Boolean, `(batch, refs)`: same class, and not the same row.
        is_negative: Boolean, `(batch, refs)`: another class.
        is_same_set: Whether `references` is `embeddings`.
        extras: What else `split` found in the model's output, by name.
        weights: Of the anchors, shape `(batch,)`, where the loss is the mean weighted by
            them, else `None`; for `share_of_mean`.
    """

    embeddings: Any
    references: Any
    is_positive: Any
    is_negative: Any
    is_same_set: bool
    extras: dict[str, Any] = field(default_factory=dict)
    weights: Any = None
    _matrices: dict[int, Any] = field(default_factory=dict, repr=False, compare=False)

    def pairwise(self, distance: Any) -> Any:
        """Distances of anchors to references, shape `(batch, refs)`; computed once."""
        if id(distance) not in self._matrices:
            others = None if self.is_same_set else self.references
            matrix = distance.pairwise(self.embeddings, others)
            # The distance is kept too, so that no other can get its id.
            self._matrices[id(distance)] = (distance, matrix)
        return self._matrices[id(distance)][1]

    def with_pairs(self, is_positive: Any, is_negative: Any) -> Self:
        """The same batch with other pairs."""
        return replace(self, is_positive=is_positive, is_negative=is_negative)


class LabelledBatchLoss(MetricLoss):
    """A loss that forms its pairs or triplets inside a labelled batch.

    It knows Keras's rules once: labels are numbered exactly before Keras casts them to
    float, the result is one value per anchor, and anchors that take no part leave the
    mean. A subclass implements `terms(batch)`, of static shape, and returns

    - sums: what each anchor adds to the loss, shape `(batch,)`;
    - counts: of how many terms, shape `(batch,)`, 0 for an anchor that takes no part.

    With `reduction="sum_over_batch_size"` the loss is `sum(sums) / sum(counts)`; the
    values under `"none"` are the anchors' shares, whose mean is that. For the others see
    `MetricLoss`.

    Call arguments (of every subclass):
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`: integers of any size (in
            `fit` on JAX of 32 bits), strings, booleans. `None` when masks are given.
        y_pred: Embeddings, shape `(batch, dim)`.
        sample_weight: A factor for each anchor, shape `(batch,)`; 0 removes it as an
            anchor, not as another's positive or negative.
        ref_embeddings: Compare with these, shape `(refs, dim)`, instead of the batch.
        ref_labels: Their class ids, shape `(refs,)`.
        is_positive: Boolean mask `(batch, refs)` of the positive pairs, instead of
            labels. A row is never its own positive or negative.
        is_negative: Boolean mask of the negative pairs. Default: all others. A pair in
            both masks is positive.

    The last four are for direct calls; `fit` passes the first three.
    """

    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        ref_embeddings: Any = None,
        ref_labels: Any = None,
        is_positive: Any = None,
        is_negative: Any = None,
    ) -> Any:
        """Return the loss of a batch; see the class."""
        masks = {"is_positive": is_positive, "is_negative": is_negative}
        embeddings, extras = self.split(y_true, y_pred)
        targets, outputs = checked(y_true, embeddings, ref_embeddings, ref_labels, **masks)
        outputs = {**outputs, **extras, **self.weights_of_mean(sample_weight)}
        return super().__call__(targets, outputs, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per anchor, shape `(batch,)`."""
        batch = self.mined(as_batch(y_true, y_pred))
        return share_of_mean(*self.terms(batch), batch.weights)

    def split(self, y_true: Any, y_pred: Any) -> tuple[Any, dict[str, Any]]:
        """Part what the model put out into embeddings and others, which become `extras`."""
        return y_pred, {}

    def mined(self, batch: LabelledBatch) -> LabelledBatch:
        """Return the batch with the pairs that count: all of them, unless a miner chooses."""
        return batch

    @abstractmethod
    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return per-anchor sums and counts, both of shape `(batch,)`."""


def checked(
    labels: Any,
    embeddings: Any,
    ref_embeddings: Any = None,
    ref_labels: Any = None,
    *,
    is_positive: Any = None,
    is_negative: Any = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check a batch as a caller gave it, and number its labels; see `LabelledBatchLoss`."""
    outputs = {"embeddings": check_embeddings(embeddings, 2)}
    if ref_embeddings is not None:
        outputs["references"] = check_embeddings(ref_embeddings, 2, argument="ref_embeddings")
        _check_dimension(**outputs)
    if is_positive is not None or is_negative is not None:
        if labels is not None or ref_labels is not None:
            raise ValueError("Give labels or masks, not both. Received: y_true and is_positive")
        return _mask_targets(is_positive, is_negative, outputs), outputs
    return _label_targets(labels, ref_labels, outputs), outputs


def _label_targets(y_true: Any, ref_labels: Any, outputs: dict[str, Any]) -> dict[str, Any]:
    if y_true is None:
        raise ValueError("Expected labels, or is_positive. Received: y_true=None")
    if (ref_labels is None) != ("references" not in outputs):
        raise ValueError(
            "ref_embeddings and ref_labels belong together. "
            f"Received: ref_labels={ref_labels!r} with{'out' * ('references' not in outputs)} "
            "ref_embeddings"
        )
    _check_length(y_true, outputs["embeddings"], "y_true", "y_pred")
    if ref_labels is None:
        return {"labels": local_ids(y_true)}
    _check_length(ref_labels, outputs["references"], "ref_labels", "ref_embeddings")
    return dict(zip(("labels", "ref_labels"), joint_ids(y_true, ref_labels), strict=True))


def _mask_targets(is_positive: Any, is_negative: Any, outputs: dict[str, Any]) -> dict[str, Any]:
    if is_positive is None:
        raise ValueError("is_negative needs is_positive with it. Received: is_positive=None")
    is_positive = ops.cast(is_positive, "bool")
    if is_negative is None:
        is_negative = ops.logical_not(is_positive)
    targets = {"is_positive": is_positive, "is_negative": ops.cast(is_negative, "bool")}
    expected = (
        outputs["embeddings"].shape[0],
        outputs.get("references", outputs["embeddings"]).shape[0],
    )
    for name, mask in targets.items():
        shape = tuple(mask.shape)
        if len(shape) != 2 or any(
            None not in (got, want) and got != want
            for got, want in zip(shape, expected, strict=True)
        ):
            raise ValueError(f"Expected a mask of shape {expected}. Received: {name}.shape={shape}")
    return targets


def _check_length(labels: Any, embeddings: Any, label_name: str, name: str) -> None:
    try:
        length = labels.shape[0]
    except AttributeError:
        length = len(labels)
    except (IndexError, ValueError):  # a scalar, or a tensor of unknown rank
        length = None
    rows = embeddings.shape[0] if rank_of(embeddings) is not None else None
    if length is not None and rows is not None and length != rows:
        raise ValueError(
            f"Expected one label for each row of {name}. "
            f"Received: {length} labels in {label_name}, {rows} rows in {name}"
        )


def _check_dimension(embeddings: Any, references: Any) -> None:
    dims = (embeddings.shape[-1], references.shape[-1])
    if None not in dims and dims[0] != dims[1]:
        raise ValueError(
            "Anchors and ref_embeddings must have the same dimension. "
            f"Received: {dims[0]} in y_pred, {dims[1]} in ref_embeddings"
        )


def as_batch(targets: dict[str, Any], outputs: dict[str, Any]) -> LabelledBatch:
    """Form the masks of a batch from what `checked` returned."""
    extras = dict(outputs)
    embeddings = extras.pop("embeddings")
    references, weights = extras.pop("references", embeddings), extras.pop("sample_weight", None)
    is_same_set = "references" not in outputs
    if "labels" in targets:
        labels = targets["labels"]
        same = ops.expand_dims(labels, 1) == ops.expand_dims(targets.get("ref_labels", labels), 0)
        is_positive, is_negative = same, ops.logical_not(same)
    else:
        is_positive = ops.cast(targets["is_positive"], "bool")
        is_negative = ops.cast(targets["is_negative"], "bool")
        is_negative = ops.logical_and(is_negative, ops.logical_not(is_positive))
    if is_same_set:
        is_other = ops.logical_not(is_diagonal(is_positive))
        is_positive = ops.logical_and(is_positive, is_other)
        is_negative = ops.logical_and(is_negative, is_other)
    return LabelledBatch(
        embeddings, references, is_positive, is_negative, is_same_set, extras, weights
    )
