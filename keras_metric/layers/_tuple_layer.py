"""What layers on two or three embeddings share."""

from abc import abstractmethod
from typing import Any

from keras_metric.layers._uncast_layer import UncastLayer


class TupleLayer(UncastLayer):
    """Abstract base of a layer on a list of embeddings of equal shape.

    A subclass sets `roles`, the names of its inputs, and implements `combine(*embeddings)` and
    `combined_size(dim)`, the length of what it puts out.

    Args:
        **kwargs: `name` and others of `keras.layers.Layer`.

    Raises:
        ValueError: Called on another number of inputs, on inputs of different shapes, or on
            anything but vectors.
    """

    roles: tuple[str, ...]

    def build(self, input_shape: Any) -> None:
        """Check the inputs' shapes."""
        self.size_of(input_shape)

    def call(self, inputs: Any) -> Any:
        """Combine the inputs."""
        if isinstance(inputs, (list, tuple)):
            self.size_of([tuple(x.shape) for x in inputs])
        else:
            self.size_of(tuple(inputs.shape))
        return self.combine(*inputs)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return `(batch, size)`."""
        size = self.size_of(input_shape)
        return (input_shape[0][0], self.combined_size(size))

    def size_of(self, shapes: Any) -> int:
        """Return the dimension of the embeddings, or say what is wrong with their shapes."""
        takes = f"{type(self).__name__} takes a list of {len(self.roles)} inputs, {self._named()}"
        is_list = isinstance(shapes, (list, tuple)) and all(
            isinstance(shape, (list, tuple)) for shape in shapes
        )
        if not is_list or len(shapes) != len(self.roles):
            count = len(shapes) if is_list else 1
            raise ValueError(f"{takes}. Received: {count} input{'s' * (count != 1)}")
        found = [tuple(shape) for shape in shapes]
        sizes = {shape[-1] if len(shape) == 2 else None for shape in found}
        rows = {shape[0] for shape in found if shape} - {None}
        if len(sizes) != 1 or None in sizes or len(rows) > 1:
            raise ValueError(
                f"{takes}, each of one shape (batch, dim). Received: shapes "
                + ", ".join(map(str, found))
            )
        return int(sizes.pop())  # type: ignore[arg-type]

    @abstractmethod
    def combine(self, *embeddings: Any) -> Any:
        """Return the output for embeddings of shape `(batch, dim)`."""

    @abstractmethod
    def combined_size(self, size: int) -> int:
        """Return the length of the output for embeddings of `size` dimensions."""

    def _named(self) -> str:
        return f"{', '.join(self.roles[:-1])} and {self.roles[-1]}"


class PairLayer(TupleLayer):
    """Abstract base of a layer on two embeddings."""

    roles = ("a", "b")
