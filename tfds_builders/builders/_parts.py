"""Which images of a source go into which split."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._source import Source


@dataclasses.dataclass
class Part:
    """The images of one split.

    Attributes:
        source: The images.
        ids: Position of each in the part of the source that they were chosen from.
    """

    source: Source
    ids: NDArray[np.int64]


def parts_of(
    open_sources: Callable[[list[str] | None], Mapping[str, Source]],
    classes: str,
    zero_shot: Mapping[str, tuple[str, Any]] | None,
) -> dict[str, Part]:
    """The images of each split.

    Args:
        open_sources: Gives sources by the name of their split; None stands for every split.
        classes: As `TupleConfig.classes`.
        zero_shot: As `TupleBuilder.ZERO_SHOT`.
    """
    if classes == "zero_shot" and zero_shot is not None:
        sources = open_sources([split for split, _ in zero_shot.values()])
        return {
            name: _part(sources[split], sources[split].labels if ids is None else np.asarray(ids))
            for name, (split, ids) in zero_shot.items()
        }
    sources = open_sources(None)
    labels = np.unique(np.concatenate([source.labels for source in sources.values()]))
    half = (len(labels) + 1) // 2
    wanted = {"all": labels, "seen": labels[:half], "unseen": labels[half:]}
    parts = {}
    for name, source in sources.items():
        kind = classes
        if classes == "zero_shot":
            kind = "seen" if name == "train" else "unseen"
        parts[name] = _part(source, wanted[kind])
    return parts


def _part(source: Source, classes: NDArray[Any]) -> Part:
    chosen = np.flatnonzero(np.isin(source.labels, classes))
    if len(chosen) == len(source):
        return Part(source, chosen)
    if not len(chosen):
        raise ValueError(f"No image is of the classes wanted. Received: {source!r}")
    return Part(source.select(chosen), chosen)
