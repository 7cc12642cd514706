"""Checks shared by the samplers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_range(start: int, stop: int) -> NDArray[np.int64]:
    """The numbers `start .. stop - 1`, or a `ValueError` if that is no range."""
    if not 0 <= start <= stop:
        raise ValueError(f"A range needs 0 <= start <= stop. Received: start={start}, stop={stop}")
    return np.arange(start, stop, dtype=np.int64)


def check_shard(index: int, count: int, length: int) -> None:
    """Raises unless an epoch of `length` can be split so and `index` names one of the parts."""
    if not 0 <= index < count <= length:
        raise ValueError(
            f"A shard needs 0 <= index < count <= {length}, the length of an epoch. "
            f"Received: index={index}, count={count}"
        )


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raises unless the value is one of the choices."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {choices}. Received: {name}={value!r}")
