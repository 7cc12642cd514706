"""Queries and what was found for them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_metric.visualization._figure import RIGHT, WRONG, new_figure


def show_neighbors(
    query_images: ArrayLike,
    neighbor_images: ArrayLike,
    query_labels: ArrayLike | None = None,
    neighbor_labels: ArrayLike | None = None,
    distances: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
) -> Any:
    """Draws a row for each query: its image, then its neighbours, nearest first.

    With both kinds of labels, right neighbours get a blue frame and a tick, wrong ones an
    orange dashed frame and a cross.

    Args:
        query_images: Shape `(queries, height, width[, channels])`. Black is 0; white is 255, or
            1 if no image of either argument has a value above 1. Other values are cut off.
        neighbor_images: Shape `(queries, k, height, width[, channels])`.
        query_labels: Shape `(queries,)`.
        neighbor_labels: Shape `(queries, k)`.
        distances: Shape `(queries, k)`, printed above the neighbours.
        class_names: Name of class 0, class 1, ...; then labels are integers.
        title: Printed above.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: Shapes do not fit together, or a label has no name in `class_names`.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((2, 4, 4, 1), "uint8")
        >>> figure = show_neighbors(images, images[:, None], [0, 1], [[0], [0]])
        >>> [axes.get_title() for axes in figure.axes]
        ['0', '✓ 0', '1', '✕ 0']
    """
    queries, neighbors = np.asarray(query_images), np.asarray(neighbor_images)
    if neighbors.ndim != queries.ndim + 1 or len(queries) != len(neighbors) or not len(queries):
        raise ValueError(
            "`query_images` must be of shape (queries, ...) and `neighbor_images` of shape "
            f"(queries, k, ...). Received: shapes {queries.shape} and {neighbors.shape}"
        )
    rows, columns = neighbors.shape[:2]
    wanted = {"query_labels": (query_labels, (rows,))} | {
        name: (value, (rows, columns))
        for name, value in (("neighbor_labels", neighbor_labels), ("distances", distances))
    }
    for name, (value, shape) in wanted.items():
        if value is not None and np.shape(value) != shape:
            raise ValueError(
                f"`{name}` must be of shape {shape}. Received: shape {np.shape(value)}"
            )
    if class_names is not None:
        _check_named(class_names, query_labels=query_labels, neighbor_labels=neighbor_labels)
    # One scale for all: an image's own range would make a dark one as bright as the others.
    white = 1.0 if max(queries.max(initial=0), neighbors.max(initial=0)) <= 1 else 255.0
    queries, neighbors = queries / white, neighbors / white
    figure = new_figure(1.15 * (columns + 1.3), 1.35 * rows + 0.4)
    grid = figure.subplots(rows, columns + 1, squeeze=False, width_ratios=[1.3] + [1] * columns)
    own = None if query_labels is None else np.asarray(query_labels)
    found = None if neighbor_labels is None else np.asarray(neighbor_labels)
    for row in range(rows):
        name = "query" if own is None else _name(own[row], class_names)
        _draw(grid[row, 0], queries[row], name, None)
        for column in range(columns):
            is_right = None if own is None or found is None else found[row, column] == own[row]
            parts = (
                []
                if is_right is None
                else ["\N{CHECK MARK}" if is_right else "\N{MULTIPLICATION X}"]
            )
            if found is not None:
                parts.append(_name(found[row, column], class_names))
            text = " ".join(parts)
            if distances is not None:
                text += f"\n{np.asarray(distances)[row, column]:.3f}"
            _draw(grid[row, column + 1], neighbors[row, column], text, is_right)
    if title:
        figure.suptitle(title)
    return figure


def _check_named(class_names: Sequence[str], **labels: ArrayLike | None) -> None:
    for name, values in labels.items():
        for label in [] if values is None else np.unique(values).tolist():
            if not isinstance(label, int) or not 0 <= label < len(class_names):
                raise ValueError(
                    f"`{name}` must be integers from 0 to {len(class_names) - 1}, the positions "
                    f"in `class_names`. Received: {label!r}"
                )


def _name(label: Any, class_names: Sequence[str] | None) -> str:
    return str(label) if class_names is None else class_names[int(label)]


def _draw(axes: Any, image: Any, text: str, is_right: bool | None) -> None:
    image = image[..., 0] if image.shape[-1] == 1 else image
    image = np.clip(image, 0, 1)
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_title(text, fontsize=7, pad=3)
    for spine in axes.spines.values():
        spine.set_visible(is_right is not None)
        spine.set(color=RIGHT if is_right else WRONG, linewidth=2.5)
        spine.set_linestyle("-" if is_right else "--")
