"""Distances of same and of different pairs."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_metric.visualization._figure import RIGHT, WRONG, new_figure


def distance_histogram(
    distances: ArrayLike,
    same: ArrayLike,
    threshold: float | None = None,
    title: str | None = None,
    bins: int = 60,
) -> Any:
    """Draws how far apart same and different pairs are, and the threshold between them.

    Args:
        distances: Distance of each pair, shape `(pairs,)`.
        same: Whether each pair is of one class, shape `(pairs,)`.
        threshold: Distance below which a pair counts as the same, drawn as a line.
        title: Printed above.
        bins: Number of bars.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: The shapes differ, or there is no pair.
    """
    values, is_same = np.asarray(distances, dtype=np.float64), np.asarray(same).astype(bool)
    if values.ndim != 1 or values.shape != is_same.shape or not len(values):
        raise ValueError(
            "`distances` and `same` must both be of shape (pairs,), with at least one pair. "
            f"Received: shapes {values.shape} and {is_same.shape}"
        )
    figure = new_figure(7.5, 4.2)
    axes = figure.add_subplot()
    edges = np.linspace(values.min(), max(values.max(), values.min() + 1e-6), bins + 1)
    for chosen, name, color, hatch in (
        (is_same, "same class", RIGHT, ""),
        (~is_same, "different classes", WRONG, "///"),
    ):
        label = f"{name} ({int(chosen.sum()):,} pairs)"
        axes.hist(
            values[chosen],
            edges,
            color=color,
            alpha=0.55,
            label=label,
            hatch=hatch,
            edgecolor=color,
        )
    if threshold is not None:
        axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.3f}")
    axes.set(xlabel="distance", ylabel="pairs", title=title or "Distances of pairs")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure
