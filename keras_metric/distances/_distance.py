"""The base class of every distance."""

from abc import ABC, abstractmethod
from typing import Any, Self

from keras_metric.distances._numerics import as_float


class Distance(ABC):
    """How far apart embeddings are: smaller means closer, always.

    A subclass implements `_pairwise(a, b)`, where `b` is `None` for the distances of
    `a` to itself, and `_paired(a, b)`, both on float tensors of at least 32 bits, and
    `get_config` if it has arguments. Similarities are given as distances: the cosine
    as `1 - cosine`, the dot product with its sign turned.

    `similarity_offset` says how to turn back: `similarity = similarity_offset -
    distance`.
    """

    similarity_offset: float = 0.0

    def pairwise(self, a: Any, b: Any = None) -> Any:
        """Distances of every row of `a`, shape `(n, dim)`, to every row of `b`, `(m, dim)`.

        Args:
            a: Embeddings, shape `(n, dim)`.
            b: Embeddings, shape `(m, dim)`. Default: `a` itself.

        Returns:
            Tensor of shape `(n, m)`, float32 for 16-bit embeddings.

        Raises:
            TypeError: The embeddings are not floating point numbers.
            ValueError: They are not of rank 2, or of unequal dimensions.
        """
        a = as_float(a, "a")
        b = None if b is None else as_float(b, "b")
        for name, value in (("a", a), ("b", b)):
            if value is not None and len(value.shape) != 2:
                raise ValueError(
                    "Pairwise distances need embeddings of shape (batch, dim). "
                    f"Received: {name}.shape={tuple(value.shape)}"
                )
        if b is not None:
            _check_dimensions(a, b)
        return self._pairwise(a, b)

    def paired(self, a: Any, b: Any) -> Any:
        """Distances of `a[i]` to `b[i]`, both of shape `(..., dim)`: shape `(...)`."""
        a, b = as_float(a, "a"), as_float(b, "b")
        _check_dimensions(a, b)
        return self._paired(a, b)

    def to_similarity(self, distances: Any) -> Any:
        """Turn distances of this kind into similarities, which grow as things get closer."""
        return self.similarity_offset - distances

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this distance."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild a distance from `get_config`."""
        return cls(**config)

    @abstractmethod
    def _pairwise(self, a: Any, b: Any) -> Any: ...

    @abstractmethod
    def _paired(self, a: Any, b: Any) -> Any: ...

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def _check_dimensions(a: Any, b: Any) -> None:
    if None not in (a.shape[-1], b.shape[-1]) and a.shape[-1] != b.shape[-1]:
        raise ValueError(
            "Both sets of embeddings must have the same dimension. "
            f"Received: a.shape={tuple(a.shape)}, b.shape={tuple(b.shape)}"
        )
