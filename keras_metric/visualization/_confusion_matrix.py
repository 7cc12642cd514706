"""Which classes are taken for which, and which are refused."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_metric.retrieval._labels import as_labels
from keras_metric.visualization._figure import new_figure


def confusion_matrix(
    labels: Any,
    matches: Any,
    no_match: Any = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
) -> Any:
    """Draws how often each class was matched with each, with a last column "no match".

    Cells are shares of their row, printed where a matrix is small enough to read, and
    coloured from white (0) to dark blue (1). A class that only the queries have gets a row
    and an empty column: its right answer is "no match".

    Args:
        labels: The queries' labels, `(queries,)`: integers or strings.
        matches: What was matched, `(queries,)`, as `SimilaritySearch.match` returns it.
        no_match: What stands for "no match" in `matches`.
        class_names: Name of class 0, class 1, ...
        title: Printed above.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: Lengths differ, or there are no queries.
    """
    targets = as_labels(labels, None).tolist()
    found = as_labels(matches, len(targets), "matches").tolist()
    if not targets:
        raise ValueError("There must be at least one query. Received: no labels")
    answered = [match for match in found if match != no_match]
    classes = sorted({*targets, *answered}, key=lambda label: (isinstance(label, str), label))
    place = {label: number for number, label in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes) + 1), np.int64)
    for target, match in zip(targets, found, strict=True):
        counts[place[target], -1 if match == no_match else place[match]] += 1
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [str(label) if class_names is None else class_names[label] for label in classes]
    size = min(16, 2.5 + 0.55 * len(classes))
    figure = new_figure(size + 0.8, size)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(names) + 1), [*names, "no match"], rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="matched with", ylabel="is", title=title or f"{len(targets):,} queries")
    axes.axvline(len(names) - 0.5, color="black", linewidth=1)
    if len(classes) <= 20:
        for (row, column), share in np.ndenumerate(shares):
            if counts[row, column]:
                color = "white" if share > 0.5 else "black"
                axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=color,
                          fontsize=7)  # fmt: skip
    figure.colorbar(image, ax=axes, label="share of the row")
    return figure
