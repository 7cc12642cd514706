"""Where the examples of each class are."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


class LabelIndex:
    """Groups the positions of examples by their class.

    Args:
        labels: Class of each example, shape `(examples,)`: integers or strings.

    Attributes:
        classes: The distinct labels, sorted, shape `(classes,)`.
        class_of: Index into `classes` of each example, shape `(examples,)`.
        order: The examples' positions, those of one class side by side, shape `(examples,)`.
        starts: Where each class begins in `order`, shape `(classes,)`.
        counts: Number of examples of each class, shape `(classes,)`.
        rank: Place of each example among those of its class, shape `(examples,)`.

    Raises:
        ValueError: `labels` is not of rank 1, is empty, or holds neither integers nor strings.

    Example:
        >>> index = LabelIndex(["cat", "dog", "cat"])
        >>> index.counts.tolist()
        [2, 1]
        >>> index.order.tolist()
        [0, 2, 1]
    """

    def __init__(self, labels: ArrayLike) -> None:
        array = np.asarray(labels)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(
                "`labels` must hold one class an example, shape (examples,), and at least one. "
                f"Received: labels of shape {array.shape}"
            )
        if array.dtype.kind not in "iuUS":
            raise ValueError(
                f"`labels` must be integers or strings. Received: labels of dtype {array.dtype}"
            )
        self.classes, class_of = np.unique(array, return_inverse=True)
        self.class_of: NDArray[np.int64] = class_of.astype(np.int64)
        self.order: NDArray[np.int64] = np.argsort(self.class_of, kind="stable")
        self.counts: NDArray[np.int64] = np.bincount(self.class_of).astype(np.int64)
        self.starts: NDArray[np.int64] = np.cumsum(self.counts) - self.counts
        self.rank: NDArray[np.int64] = np.empty(array.size, dtype=np.int64)
        self.rank[self.order] = np.arange(array.size) - np.repeat(self.starts, self.counts)

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.class_of)

    def require_two_classes(self) -> None:
        """Raises `ValueError` if no example has one of another class."""
        if len(self.classes) < 2:
            raise ValueError(
                "Different examples need at least two classes. "
                f"Received: labels of one class, {self.classes[0].item()!r}"
            )

    def same_class(self, anchors: NDArray[np.int64], draws: NDArray[np.int64]) -> NDArray[np.int64]:
        """The `draws`-th example of each anchor's class, the anchor itself left out."""
        place = draws + (draws >= self.rank[anchors])
        return self.order[self.starts[self.class_of[anchors]] + place]

    def other_class(
        self, anchors: NDArray[np.int64], draws: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The `draws`-th example of all that are not of the anchor's class."""
        own = self.class_of[anchors]
        place = draws + np.where(draws >= self.starts[own], self.counts[own], 0)
        return self.order[place]
