"""When a callback that works every n epochs has to."""

from typing import Any


def is_due(epoch: int, every: int, params: Any) -> bool:
    """Every so many epochs, counted from the first, and after the last one planned."""
    is_last = epoch + 1 == (params or {}).get("epochs")
    return is_last or (epoch + 1) % every == 0
