"""Which images of a source go into which split."""

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._encoded_source import EncodedSource, OnError
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
    on_error: OnError = "raise",
) -> dict[str, Part]:
    """The images of each split.

    Args:
        open_sources: Gives sources by the name of their split; None stands for every split.
        classes: As `TupleConfig.classes`.
        zero_shot: As `TupleBuilder.ZERO_SHOT`.
        on_error: As `TupleConfig.on_error`.
    """
    if on_error == "skip":
        read, open_sources = open_sources, lambda splits: _looked_through(read(splits))
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


def _looked_through(sources: Mapping[str, Source]) -> Mapping[str, Source]:
    """The sources, after their damaged images were found and told."""
    for name, source in sources.items():
        if not isinstance(source, EncodedSource):
            continue
        source.without_damaged()
        if damaged := _damaged(source):
            warnings.warn(
                f"{len(damaged)} of the {len(source)} images of {name!r} are damaged and left "
                f"out, the first of them {source._name(damaged[0])}",
                stacklevel=2,
            )
    return sources


def _damaged(source: Any) -> list[int]:
    return sorted(getattr(source, "damaged", ()))


def _part(source: Source, classes: NDArray[Any]) -> Part:
    wanted = np.isin(source.labels, classes)
    wanted[_damaged(source)] = False
    chosen = np.flatnonzero(wanted)
    if len(chosen) == len(source):
        return Part(source, chosen)
    if not len(chosen):
        raise ValueError(f"No image is of the classes wanted. Received: {source!r}")
    return Part(source.select(chosen), chosen)
