"""Checks of constructor arguments, in one wording."""

from typing import Any


def positive(name: str, value: Any) -> float:
    """Return `value` as a float greater than 0."""
    number = _number(name, value)
    if not number > 0 or number == float("inf"):
        raise ValueError(f"{name} must be greater than 0 and finite. Received: {name}={value!r}")
    return number


def non_negative(name: str, value: Any) -> float:
    """Return `value` as a float of at least 0."""
    number = _number(name, value)
    if not number >= 0 or number == float("inf"):
        raise ValueError(f"{name} must be at least 0 and finite. Received: {name}={value!r}")
    return number


def between(name: str, value: Any, low: float, high: float) -> float:
    """Return `value` as a float within `[low, high]`."""
    number = _number(name, value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}. Received: {name}={value!r}")
    return number


def number(name: str, value: Any) -> float:
    """Return `value` as a finite float."""
    return between(name, value, -1e30, 1e30)


def count(name: str, value: Any) -> int:
    """Return `value` as an integer greater than 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a positive integer. Received: {name}={value!r}")
    return value


def seed(value: Any) -> int:
    """Return `value` as a seed: an integer of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"seed must be an integer. Received: seed={value!r}")
    if value < 0:
        raise ValueError(f"seed must be at least 0. Received: seed={value!r}")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a number. Received: {name}={value!r}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number. Received: {name}={value!r}") from None
