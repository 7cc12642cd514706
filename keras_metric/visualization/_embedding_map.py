"""Embeddings in two dimensions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_metric.visualization._figure import COLORS, MARKERS, new_figure
from keras_metric.visualization._thumbnails import as_thumbnails

_METHODS = ("pca", "tsne", "umap")
_ROOM = 0.05  # of the map's width, between the middles of two images


def embedding_map(
    embeddings: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str] | None = None,
    method: str = "pca",
    seed: int = 0,
    title: str | None = None,
    images: ArrayLike | None = None,
    num_images: int = 120,
) -> Any:
    """Draws embeddings in two dimensions, each class with a colour and a marker of its own.

    With `images`, some rows are drawn as their image, framed in the colour of the class: rows
    chosen at random, as far as they do not hide each other.

    Args:
        embeddings: Shape `(rows, dim)`.
        labels: Shape `(rows,)`: integers if `class_names` is given.
        class_names: Name of class 0, class 1, ...; default: the labels themselves.
        method: `"pca"`, `"tsne"` (needs scikit-learn) or `"umap"` (needs umap-learn).
        seed: Makes t-SNE, UMAP and the choice of images repeatable.
        title: Printed above.
        images: Shape `(rows, height, width[, channels])`, with values from 0 to 255 or, where
            they are floats and none is above 1, from 0 to 1. Default: none is drawn.
        num_images: How many images at most.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: Shapes do not fit together, there are fewer than 3 rows, `method` is
            unknown, or `num_images` is below 1.
        ImportError: The method's package is not installed.

    Example:
        >>> figure = embedding_map(np.eye(4), [0, 0, 1, 1], ["cat", "dog"])
        >>> figure.savefig("map.png")  # doctest: +SKIP
    """
    points, classes = np.asarray(embeddings, dtype=np.float64), np.asarray(labels)
    if points.ndim != 2 or classes.shape != points.shape[:1] or len(points) < 3:
        raise ValueError(
            "`embeddings` must be of shape (rows, dim) with at least 3 rows and `labels` of shape "
            f"(rows,). Received: shapes {points.shape} and {classes.shape}"
        )
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {_METHODS}. Received: method={method!r}")
    if images is not None and len(np.asarray(images)) != len(points):
        raise ValueError(
            f"`images` must be as many as embeddings, {len(points)}. "
            f"Received: {len(np.asarray(images))} images"
        )
    if num_images < 1:
        raise ValueError(f"`num_images` must be at least 1. Received: num_images={num_images}")
    flat = _project(points, method, seed)
    figure = new_figure(7.5, 6)
    axes = figure.add_subplot()
    for number, value in enumerate(np.unique(classes)):
        x, y = flat[classes == value].T
        axes.scatter(
            x,
            y,
            s=18,
            alpha=0.7,
            linewidths=0,
            color=COLORS[number % len(COLORS)],
            marker=MARKERS[number % len(MARKERS)],
            label=str(value) if class_names is None else class_names[int(value)],
        )
    axes.set(
        xticks=[], yticks=[], title=title or f"Embeddings of {len(points):,} images ({method})"
    )
    legend = figure.legend(loc="outside right upper", frameon=False, markerscale=2)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    if images is not None:
        _draw_images(axes, flat, classes, np.asarray(images), num_images, seed)
    return figure


def _draw_images(
    axes: Any,
    flat: NDArray[np.float64],
    classes: NDArray[Any],
    images: NDArray[Any],
    count: int,
    seed: int,
) -> None:
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    spread = np.maximum(np.ptp(flat, axis=0), 1e-12)
    places = (flat - flat.min(axis=0)) / spread
    chosen: list[int] = []
    for row in np.random.default_rng(seed).permutation(len(flat)).tolist():
        if len(chosen) == count:
            break
        if not chosen or np.abs(places[chosen] - places[row]).max(axis=1).min() > _ROOM:
            chosen.append(row)
    numbers = np.unique(classes, return_inverse=True)[1]
    for row, picture in zip(chosen, as_thumbnails(images[chosen], 24), strict=True):
        box = AnnotationBbox(
            OffsetImage(np.asarray(picture), cmap="gray"),
            flat[row],
            pad=0.05,
            bboxprops={"edgecolor": COLORS[numbers[row] % len(COLORS)], "linewidth": 1.5},
        )
        axes.add_artist(box)


def _project(points: NDArray[np.float64], method: str, seed: int) -> NDArray[np.float64]:
    centred = points - points.mean(axis=0)
    if method == "pca":
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        # The sign of an axis is arbitrary: make its largest entry positive.
        largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
        flat = centred @ (axes * np.sign(largest)).T[:, :2]
        return flat if flat.shape[1] == 2 else np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    if method == "tsne":
        try:
            from sklearn.manifold import TSNE
        except ImportError as error:
            raise ImportError("method='tsne' needs `pip install scikit-learn`") from error
        perplexity = min(30.0, (len(points) - 1) / 3)
        return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(centred)
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError("method='umap' needs `pip install umap-learn`") from error
    neighbors = min(15, len(points) - 1)
    return UMAP(n_neighbors=neighbors, random_state=seed, n_jobs=1).fit_transform(centred)
