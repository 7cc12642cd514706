"""Pictures of tuples."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_BLUE, _ORANGE = "#0072B2", "#D55E00"  # told apart by the colour-blind
_MAX_COLUMNS = 16
_ROLES = {"a": ("a", "b"), "anchor": ("anchor", "positive", "negative")}


class _Tuple(NamedTuple):
    images: list[NDArray[Any]]
    texts: list[str]
    same: list[bool | None]  # whether an image is of the first one's class


def show(
    dataset: Any,
    rows: int = 6,
    columns: int | None = None,
    class_names: Sequence[str] | None = None,
) -> Any:
    """Draws the first pairs, triplets or images of a dataset, with their labels.

    A frame says whether an image is of the class of the first one of its tuple: blue and
    solid if so, orange and dashed if not. Images with labels are drawn in their order, by
    default one class in each row if they are P x K batches.

    Args:
        dataset: A `tf.data.Dataset` or another iterable, of dicts or in supervised form,
            batched or not.
        rows: How many rows to draw.
        columns: How many images in a row; pairs and triplets have as many tuples in a row as
            fit into that number. By default 8, or K if single images begin with two classes of
            K images each, K from 2 to 16.
        class_names: Name of class 0, class 1, ...

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: The dataset is empty or holds something else, or `rows` or `columns` is
            below 1.
    """
    if rows < 1 or (columns is not None and columns < 1):
        raise ValueError(
            f"`rows` and `columns` must be at least 1. Received: rows={rows}, columns={columns}"
        )
    elements = dataset.as_numpy_iterator() if hasattr(dataset, "as_numpy_iterator") else dataset
    found = (one for element in elements for one in _tuples(element, class_names))
    first = next(found, None)
    if first is None:
        raise ValueError(f"The dataset must have an example. Received: dataset={dataset!r}")
    width = len(first.images)
    begin = [first]
    if columns is None:
        if width == 1:
            begin += itertools.islice(found, 2 * _MAX_COLUMNS)
        columns = _columns([one.texts[0] for one in begin])
    across = max(1, columns // width)
    shown = list(itertools.islice(itertools.chain(begin, found), rows * across))
    return _draw(shown, across, width)


def _columns(texts: list[str]) -> int:
    """K of texts that begin with two classes of K each, otherwise 8."""
    runs = [len(list(run)) for _, run in itertools.groupby(texts)]
    if len(runs) > 1 and runs[0] == runs[1] and 1 < runs[0] <= _MAX_COLUMNS:
        return runs[0]
    return 8


def _tuples(element: Any, names: Sequence[str] | None) -> Iterator[_Tuple]:
    """The tuples of an element: many if it is a batch."""
    images, labels, same = _parts(element)
    arrays = [np.asarray(image) for image in images]
    if any(array.ndim not in (3, 4) for array in arrays):
        raise ValueError(
            "Images must be of shape (height, width, channels), or a batch of such. "
            f"Received: shapes {[array.shape for array in arrays]}"
        )
    if arrays[0].ndim == 3:
        arrays = [array[None] for array in arrays]
    columns = [None if label is None else np.atleast_1d(np.asarray(label)) for label in labels]
    alike = None if same is None else np.atleast_1d(np.asarray(same))
    for row in range(len(arrays[0])):
        own = [None if column is None else column[row] for column in columns]
        is_same: list[bool | None] = [None] * len(own)
        if len(own) == 3:
            is_same = [None, True, False]
        elif len(own) == 2:
            is_same = [None, bool(own[0] == own[1]) if alike is None else bool(alike[row])]
        texts = ["" if label is None else _name(label, names) for label in own]
        if len(own) == 2 and own[0] is None:
            texts[1] = "same" if is_same[1] else "different"
        yield _Tuple([array[row] for array in arrays], texts, is_same)


def _parts(element: Any) -> tuple[list[Any], list[Any], Any]:
    """Images, labels and, of pairs, whether they are the same."""
    if isinstance(element, dict):
        for roles in _ROLES.values():
            keys = [f"image_{role}" if roles == ("a", "b") else role for role in roles]
            if all(key in element for key in keys):
                labels = [element.get(f"label_{role}") for role in roles]
                return [element[key] for key in keys], labels, element.get("same")
        if "image" in element:
            return [element["image"]], [element.get("label")], None
    elif isinstance(element, (tuple, list)) and len(element) == 2:
        inputs, target = element
        if not isinstance(inputs, (tuple, list)):
            return [inputs], [target], None
        if len(inputs) == 2:
            return list(inputs), [None, None], target
        if len(inputs) == 3:
            return list(inputs), [target, target, None], None
    form = sorted(element) if isinstance(element, dict) else type(element)
    raise ValueError(
        "The dataset must hold pairs, triplets or images with labels, as dicts or in "
        f"supervised form. Received: element of {form}"
    )


def _name(label: Any, names: Sequence[str] | None) -> str:
    if isinstance(label, bytes):
        return label.decode()
    return str(label) if names is None else names[int(label)]


def _draw(shown: list[_Tuple], across: int, width: int) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(across, len(shown))
    rows = -(-len(shown) // across)
    # A narrow empty column keeps the tuples of a row apart.
    gap = int(width > 1)
    ratios = ([1.0] * width + [0.25] * gap) * across
    size = (max(1.15 * sum(ratios), 3), 1.4 * rows)
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, len(ratios), squeeze=False, width_ratios=ratios)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, one in enumerate(shown):
        row, place = divmod(number, across)
        for column in range(width):
            axes = grid[row, place * (width + gap) + column]
            _image(axes, one.images[column], one.texts[column], one.same[column])
    return figure


def _image(axes: Any, image: NDArray[Any], text: str, same: bool | None) -> None:
    if image.dtype.kind == "f":
        image = image / 255 if image.max() > 1 else image
        image = np.clip(image, 0, 1)
    axes.set_axis_on()
    axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray")
    axes.set(xticks=[], yticks=[])
    axes.set_title(text, fontsize=7, pad=3)
    for spine in axes.spines.values():
        spine.set_visible(same is not None)
        spine.set(color=_BLUE if same else _ORANGE, linewidth=2.5)
        spine.set_linestyle("-" if same else "--")
