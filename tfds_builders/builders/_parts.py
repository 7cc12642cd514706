"""Which images of a source go into which split."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._source import Source

ZeroShot = Mapping[str, tuple[str, range | None]] | None


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
    zero_shot: ZeroShot,
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
    wanted = _classes(sources, zero_shot)
    kinds = dict.fromkeys(sources, classes)
    if classes == "zero_shot":
        kinds = {name: "seen" if name == "train" else "unseen" for name in sources}
    # Where the splits of a source share no class, some are left without an image.
    some = [name for name in sources if np.isin(sources[name].labels, wanted[kinds[name]]).any()]
    return {name: _part(sources[name], wanted[kinds[name]]) for name in some or sources}


def _classes(sources: Mapping[str, Source], zero_shot: ZeroShot) -> dict[str, NDArray[Any]]:
    """The ids of all, seen and unseen classes."""
    labels = np.unique(np.concatenate([source.labels for source in sources.values()]))
    half = (len(labels) + 1) // 2
    found = {"all": labels, "seen": labels[:half], "unseen": labels[half:]}
    for kind, name in (("seen", "train"), ("unseen", "test")):
        if zero_shot is not None:
            split, ids = zero_shot[name]
            found[kind] = np.unique(sources[split].labels) if ids is None else np.asarray(ids)
    return found


def _part(source: Source, classes: NDArray[Any]) -> Part:
    chosen = np.flatnonzero(np.isin(source.labels, classes))
    if len(chosen) == len(source):
        return Part(source, chosen)
    if not len(chosen):
        raise ValueError(f"No image is of the classes wanted. Received: {source!r}")
    return Part(source.select(chosen), chosen)
