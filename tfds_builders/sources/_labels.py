"""Labels as users have them, turned into class ids."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ClassNames = tuple[str, ...] | None


def class_ids(labels: Any, class_names: Sequence[str] | None = None) -> tuple[Any, ClassNames]:
    """Class ids, int64 of shape `(examples,)`, and the classes' names where they have some.

    Integers stay what they are. Strings become their place among `class_names`, or among the
    sorted distinct strings.

    Raises:
        ValueError: `labels` is not of rank 1, an example has no label (None, NaN or negative),
            or a label is not among `class_names`.
    """
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(
            "`labels` must hold one class an example, shape (examples,). "
            f"Received: labels of shape {array.shape}"
        )
    names = None if class_names is None else tuple(str(name) for name in class_names)
    if array.dtype.kind == "O":
        array = _of_objects(array)
    if array.dtype.kind == "f":
        _require_labelled(~(np.isfinite(array) & (array >= 0)))
        if (array != np.floor(array)).any():
            raise ValueError(
                "`labels` must be integers or strings. Received: labels with fractional parts"
            )
    if array.dtype.kind in "US":
        return _of_strings(array.astype(str), names)
    if array.dtype.kind not in "iufb":
        raise ValueError(
            f"`labels` must be integers or strings. Received: labels of dtype {array.dtype}"
        )
    _require_labelled(array < 0)
    ids = array.astype(np.int64)
    if names is not None and len(ids) and ids.max() >= len(names):
        raise ValueError(
            f"`labels` must be below the number of class names, {len(names)}. "
            f"Received: a label {ids.max()}"
        )
    return ids, names


def chosen_classes(classes: Any, names: ClassNames) -> NDArray[np.int64]:
    """The ids of `classes`, which may hold ids and names.

    Raises:
        ValueError: A name is unknown, or `classes` is empty.
    """
    wanted = [classes] if isinstance(classes, str | int | np.integer) else list(classes)
    if not wanted:
        raise ValueError(f"`classes` must name at least one class. Received: classes={classes!r}")
    ids = []
    for one in wanted:
        if isinstance(one, str):
            if names is None or one not in names:
                known = "classes without names" if names is None else f"among {_some(names)}"
                raise ValueError(f"There is no such class {known}. Received: classes with {one!r}")
            ids.append(names.index(one))
        else:
            ids.append(int(one))
    return np.asarray(ids, np.int64)


def _of_objects(array: NDArray[Any]) -> NDArray[Any]:
    missing = np.array([one is None or one != one for one in array.tolist()], bool)
    _require_labelled(missing)
    kinds = {isinstance(one, str | bytes) for one in array.tolist()}
    if len(kinds) > 1:
        raise ValueError("`labels` must be all integers or all strings. Received: both")
    return np.array([one.decode() if isinstance(one, bytes) else one for one in array.tolist()])


def _of_strings(array: NDArray[np.str_], names: ClassNames) -> tuple[NDArray[np.int64], ClassNames]:
    _require_labelled(array == "")
    found, ids = np.unique(array, return_inverse=True)
    if names is None:
        return ids.astype(np.int64), tuple(found.tolist())
    place = {name: number for number, name in enumerate(names)}
    unknown = [name for name in found.tolist() if name not in place]
    if unknown:
        raise ValueError(
            f"Every label must be one of the class names {_some(names)}. "
            f"Received: a label {unknown[0]!r}"
        )
    return np.array([place[name] for name in found.tolist()], np.int64)[ids], names


def _require_labelled(missing: NDArray[np.bool_]) -> None:
    if missing.any():
        raise ValueError(
            "Every example needs a label; unlabelled ones (None, NaN, empty or negative) must be "
            f"left out, for example by `classes=`. Received: {int(missing.sum())} of "
            f"{len(missing)} examples without a label, the first at {int(missing.argmax())}"
        )


def _some(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(repr(n) for n in names[:most]) + (", ..." if len(names) > most else "")
