"""The pairs that a network is most wrong about."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_metric.visualization._figure import RIGHT, WRONG, new_figure
from keras_metric.visualization._thumbnails import as_thumbnails

_PIXELS = 96


def hardest_mistakes(
    images_a: ArrayLike,
    images_b: ArrayLike,
    same: ArrayLike,
    distances: ArrayLike,
    labels_a: ArrayLike | None = None,
    labels_b: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    count: int = 8,
    higher_is_similar: bool = False,
    title: str | None = None,
) -> Any:
    """Draws the most similar different pairs, and below them the most distant same pairs.

    What to look for: labels that are wrong, classes that nobody could tell apart, and what the
    network takes for the likeness. Pairs are in columns, the worst on the left; different pairs
    have an orange dashed frame, same pairs a blue one.

    Args:
        images_a: First images, shape `(pairs, height, width[, channels])`, with values from 0 to
            255 or, where they are floats and none is above 1, from 0 to 1.
        images_b: Second images, of the same shape.
        same: Whether each pair is of one class, shape `(pairs,)`.
        distances: Distance of each pair, shape `(pairs,)`.
        labels_a: Labels of the first images, shape `(pairs,)`.
        labels_b: Labels of the second images.
        class_names: Name of class 0, class 1, ...; then labels are integers.
        count: Pairs of each kind, as far as there are so many.
        higher_is_similar: Whether `distances` are scores instead, larger meaning closer.
        title: Printed above.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: Shapes do not fit together, there is no pair, or `count` is below 1.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((4, 8, 8), "uint8")
        >>> figure = hardest_mistakes(images, images, [1, 0, 1, 0], [0.9, 0.1, 0.2, 0.8], count=2)
        >>> [axes.get_title() for axes in figure.axes[:2]]
        ['0.100', '0.800']
    """
    first, second = np.asarray(images_a), np.asarray(images_b)
    is_same, values = np.asarray(same).astype(bool), np.asarray(distances, np.float64)
    shapes = {"images_b": second.shape == first.shape}
    for name, given in (("same", is_same), ("distances", values)):
        shapes[name] = given.shape == first.shape[:1]
    for name, labels in (("labels_a", labels_a), ("labels_b", labels_b)):
        shapes[name] = labels is None or np.shape(labels) == first.shape[:1]
    wrong = [name for name, fits in shapes.items() if not fits]
    if wrong or not len(first):
        raise ValueError(
            "`images_a` and `images_b` must be of one shape, with at least one pair, and all "
            f"else of shape (pairs,). Received: images_a of shape {first.shape}, and "
            f"{wrong or 'no pair'} that does not fit"
        )
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"`count` must be an integer of at least 1. Received: count={count!r}")
    order = np.argsort(-values if higher_is_similar else values, kind="stable")
    near_different = order[~is_same[order]][:count]
    far_same = order[is_same[order]][::-1][:count]
    kinds = [
        (near_different, "different, but close", WRONG, "--"),
        (far_same, "same, but far apart", RIGHT, "-"),
    ]
    kinds = [kind for kind in kinds if len(kind[0])]
    columns = max(len(kind[0]) for kind in kinds)
    figure = new_figure(1.15 * columns + 0.4, 2.9 * len(kinds) + 0.3)
    parts = np.atleast_1d(figure.subfigures(len(kinds), 1))
    for part, (chosen, name, color, style) in zip(parts, kinds, strict=True):
        part.suptitle(name, fontsize=10, x=0.01, ha="left", color=color)
        grid = part.subplots(2, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for row, (images, labels) in enumerate(((first, labels_a), (second, labels_b))):
            for place, picture in enumerate(as_thumbnails(images[chosen], _PIXELS)):
                axes = grid[row, place]
                axes.set_axis_on()
                axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set(color=color, linewidth=2, linestyle=style)
                if row == 0:
                    axes.set_title(f"{values[chosen[place]]:.3f}", fontsize=8, pad=3)
                if labels is not None:
                    label = np.asarray(labels)[chosen[place]]
                    text = str(label) if class_names is None else class_names[int(label)]
                    axes.set_xlabel(text, fontsize=7, labelpad=2)
    if title:
        figure.suptitle(title)
    return figure
