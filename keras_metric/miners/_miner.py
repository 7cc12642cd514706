"""The base classes of every miner."""

from abc import ABC, abstractmethod
from typing import Any, Self

from keras import ops

from keras_metric import distances
from keras_metric.distances._numerics import as_float
from keras_metric.losses._labelled_batch import LabelledBatch, as_batch, checked
from keras_metric.miners._triplets import AllTriplets, Triplets


class Miner(ABC):
    """Chooses pairs or triplets of a batch. Works alone or as `miner=` of a loss.

    Alone it is called with what a loss is called with, and returns masks or `Triplets`. A
    loss calls `pairs(batch, matrix)` or `triplets(batch, matrix)`: every miner answers
    both. What comes out has static shapes and no gradient.

    Args:
        distance: Name, `Distance` object or function. Default: the distance of the loss it
            serves; alone, `default_distance`.

    Call arguments:
        labels: Class ids, shape `(batch,)` or `(batch, 1)`; `None` with masks.
        embeddings: Shape `(batch, dim)`.
        ref_embeddings: Choose positives and negatives among these, `(refs, dim)`.
        ref_labels: Their class ids.
        is_positive: Boolean mask `(batch, refs)` to choose from, instead of labels.
        is_negative: Boolean mask. Default: all pairs that are not positive.
    """

    default_distance = "L2"

    def __init__(self, distance: Any = None) -> None:
        self.distance = None if distance is None else distances.get(distance)

    def __call__(
        self,
        labels: Any,
        embeddings: Any,
        ref_embeddings: Any = None,
        ref_labels: Any = None,
        *,
        is_positive: Any = None,
        is_negative: Any = None,
    ) -> Any:
        """Return the choice for one batch; see the class."""
        masks = {"is_positive": is_positive, "is_negative": is_negative}
        targets, outputs = checked(labels, embeddings, ref_embeddings, ref_labels, **masks)
        outputs = {name: as_float(value, name) for name, value in outputs.items()}
        return self.mine(as_batch(targets, outputs))

    @abstractmethod
    def mine(self, batch: LabelledBatch, matrix: Any = None) -> Any:
        """Return the choice: two masks or `Triplets`.

        Args:
            batch: The batch as losses see it.
            matrix: Distances `(batch, refs)` that the loss has already, used unless the
                miner has a distance of its own.
        """

    @abstractmethod
    def pairs(self, batch: LabelledBatch, matrix: Any = None) -> tuple[Any, Any]:
        """Boolean masks `(batch, refs)` of the chosen positive and negative pairs."""

    @abstractmethod
    def triplets(self, batch: LabelledBatch, matrix: Any = None) -> Triplets:
        """The chosen triplets."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this miner."""
        return {"distance": None if self.distance is None else distances.serialize(self.distance)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild a miner from `get_config`."""
        return cls(**config)

    def _matrix(self, batch: LabelledBatch, matrix: Any) -> Any:
        if self.distance is None and matrix is not None:
            return ops.stop_gradient(matrix)
        distance = distances.get(self.default_distance) if self.distance is None else self.distance
        return ops.stop_gradient(batch.pairwise(distance))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class PairMiner(Miner):
    """Chooses positive pairs and negative pairs; `mine` returns two masks.

    Its triplets are every chosen positive of an anchor with every chosen negative of it.
    """

    @abstractmethod
    def mine(self, batch: LabelledBatch, matrix: Any = None) -> tuple[Any, Any]:
        """Return boolean masks `(batch, refs)` of positive and of negative pairs."""

    def pairs(self, batch: LabelledBatch, matrix: Any = None) -> tuple[Any, Any]:
        """Boolean masks `(batch, refs)` of the chosen positive and negative pairs."""
        return self.mine(batch, matrix)

    def triplets(self, batch: LabelledBatch, matrix: Any = None) -> Triplets:
        """Every chosen positive with every chosen negative of its anchor."""
        return AllTriplets(*self.mine(batch, matrix))


class TripletMiner(Miner):
    """Chooses triplets; `mine` returns `Triplets`.

    Its pairs are those that are in at least one triplet, each once.
    """

    @abstractmethod
    def mine(self, batch: LabelledBatch, matrix: Any = None) -> Triplets:
        """Return the chosen triplets."""

    def pairs(self, batch: LabelledBatch, matrix: Any = None) -> tuple[Any, Any]:
        """Boolean masks `(batch, refs)` of the pairs that are in a triplet."""
        return self.mine(batch, matrix).pairs()

    def triplets(self, batch: LabelledBatch, matrix: Any = None) -> Triplets:
        """The chosen triplets."""
        return self.mine(batch, matrix)
