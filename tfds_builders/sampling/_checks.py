"""Checks shared by the samplers."""

import numpy as np
from numpy.typing import NDArray


def check_range(start: int, stop: int) -> NDArray[np.int64]:
    """The numbers `start .. stop - 1`, or a `ValueError` if that is no range."""
    if not 0 <= start <= stop:
        raise ValueError(
            f"A range of tuples needs 0 <= start <= stop. Received: start={start}, stop={stop}"
        )
    return np.arange(start, stop, dtype=np.int64)
