"""One wording for a name that is not known."""

import difflib
from collections.abc import Iterable
from typing import Any


def unknown_name(kind: str, argument: str, value: Any, known: Iterable[str]) -> ValueError:
    """Return the error for an unknown `value`: it lists the known names and the nearest."""
    lower = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(str(value).lower(), list(lower), n=1)
    hint = f" Did you mean {lower[nearest[0]]!r}?" if nearest else ""
    listed = ", ".join(repr(name) for name in lower.values())
    return ValueError(f"Unknown {kind}; known are {listed}.{hint} Received: {argument}={value!r}")
