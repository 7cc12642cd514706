"""A map of embeddings to walk through in a browser, in one file."""

import base64
import io
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_metric.visualization._embedding_map import _METHODS, _project
from keras_metric.visualization._figure import COLORS
from keras_metric.visualization._thumbnails import as_thumbnails

_SHAPES = ("circle", "triangle", "square", "inverted_triangle", "diamond", "plus", "star")
_TOOLTIP = """<div><img src="@image" alt="" style="display:block"/>
<span>@label</span> <span style="color:#555">row @row</span></div>"""


def embedding_html(
    embeddings: ArrayLike,
    labels: ArrayLike,
    path: str | Path,
    images: Any = None,
    class_names: Sequence[str] | None = None,
    method: str = "pca",
    seed: int = 0,
    thumbnail: int = 64,
    title: str | None = None,
) -> Path:
    """Writes a map as one HTML file: zoom, classes to switch off, an image under the mouse.

    The file holds its script and its images and asks no other site for anything.

    Args:
        embeddings: Shape `(rows, dim)`, at least 3 rows.
        labels: Shape `(rows,)`: integers if `class_names` is given.
        path: The file, ending in ".html"; replaced if it is there.
        images: Shape `(rows, height, width[, channels])`, shown small; None shows labels.
        class_names: Name of class 0, class 1, ...; default: the labels themselves.
        method: `"pca"`, `"tsne"` (needs scikit-learn) or `"umap"` (needs umap-learn).
        seed: Makes t-SNE and UMAP repeatable.
        thumbnail: Longer side of the small images, in pixels.
        title: Printed above.

    Returns:
        The path.

    Raises:
        ImportError: bokeh is not installed.
        ValueError: Shapes do not fit together, or `method` is unknown.
    """
    points, classes = np.asarray(embeddings, dtype=np.float64), np.asarray(labels)
    if points.ndim != 2 or classes.shape != points.shape[:1] or len(points) < 3:
        raise ValueError(
            "`embeddings` must be of shape (rows, dim) with at least 3 rows and `labels` of shape "
            f"(rows,). Received: shapes {points.shape} and {classes.shape}"
        )
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {_METHODS}. Received: method={method!r}")
    if images is not None and len(images) != len(points):
        raise ValueError(
            f"`images` must be {len(points)}, one a row. Received: images of length {len(images)}"
        )
    shown = _inline(images, thumbnail) if images is not None else [""] * len(points)
    flat = _project(points, method, seed)
    figure = _figure(title or f"Embeddings of {len(points):,} rows ({method})")
    for number, value in enumerate(np.unique(classes)):
        rows = np.flatnonzero(classes == value)
        name = str(value) if class_names is None else class_names[int(value)]
        figure.scatter(
            "x", "y", source=_source(flat, rows, name, shown), size=7, alpha=0.7, line_width=0,
            color=COLORS[number % len(COLORS)], marker=_SHAPES[number % len(_SHAPES)],
            legend_label=name,
        )  # fmt: skip
    figure.legend.click_policy = "hide"
    figure.add_layout(figure.legend[0], "right")
    return _write(figure, Path(path), figure.title.text)


def _figure(title: str) -> Any:
    try:
        from bokeh.plotting import figure
    except ImportError as error:
        raise ImportError(
            'embedding_html needs `pip install "keras-metric[interactive]"`'
        ) from error
    made = figure(
        title=title, tooltips=_TOOLTIP, sizing_mode="stretch_both", match_aspect=True,
        tools="pan,wheel_zoom,box_zoom,reset,save", active_scroll="wheel_zoom",
    )  # fmt: skip
    made.axis.visible = False
    return made


def _source(flat: Any, rows: Any, name: str, shown: list[str]) -> Any:
    from bokeh.models import ColumnDataSource

    return ColumnDataSource({
        "x": flat[rows, 0], "y": flat[rows, 1], "row": rows, "label": [name] * len(rows),
        "image": [shown[row] for row in rows],
    })  # fmt: skip


def _inline(images: Any, size: int) -> list[str]:
    """Images as addresses that hold them."""
    texts = []
    for image in as_thumbnails(images, size):
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        texts.append("data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode())
    return texts


def _write(figure: Any, path: Path, title: str) -> Path:
    from bokeh.embed import file_html
    from bokeh.resources import INLINE

    text = file_html(figure, INLINE, title)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, "utf-8")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path
