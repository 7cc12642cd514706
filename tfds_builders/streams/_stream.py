"""Tuples or balanced batches, drawn while reading."""

import collections
import copy
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources import Source
from tfds_builders.sources._source import check_size
from tfds_builders.streams._augment import Augment
from tfds_builders.streams._cache import cached
from tfds_builders.streams._plan import Plan

Kind = Literal["balanced", "pairs", "triplets"]
Batch = Any


class Stream:
    """Batches drawn while reading; made by `balanced`, `pairs` or `triplets`.

    Batch number `step`, counted over all epochs, is a pure function of the seed and `step`, so
    any process can make any batch, and `step` is all there is to save. Iterating gives the
    rest of the epoch in which `step` lies and moves `step` on; the next iteration gives the
    next epoch, in a new order.

    `as_tf_dataset`, `as_grain` and `as_py_dataset` give the same batches to `fit`.

    Attributes:
        source: Where the images come from.
        kind: `"balanced"`, `"pairs"` or `"triplets"`.
        seed: Decides which examples go together, and how they are augmented.
        step: Number of the next batch.

    Example:
        >>> from tfds_builders import sources, streams
        >>> stream = streams.balanced(sources.fashion_mnist_sample("train"), 10, 4)
        >>> images, labels = stream.batch(0)
        >>> images.shape, len(set(labels.tolist())), len(stream)
        ((40, 28, 28, 1), 10, 25)
    """

    def __init__(
        self,
        source: Source,
        plan: Plan,
        kind: Kind,
        *,
        seed: int = 0,
        resize: tuple[int, int] | None = None,
        augment: Any = None,
        augment_jointly: bool = False,
        cache: Any = False,
        prefetch: int | None = None,
    ) -> None:
        self.resize = check_size(resize)
        if self.resize is None and None in source.image_shape:
            raise ValueError(
                "The images may differ in size: `resize=(height, width)` brings them together. "
                f"Received: resize=None with {source!r}"
            )
        if prefetch is not None and (not isinstance(prefetch, int) or prefetch < 0):
            raise ValueError(
                f"`prefetch` must be a number of batches or None. Received: prefetch={prefetch!r}"
            )
        if cache is not False and cache is not None:
            source = cached(source, self.resize, cache)
        self.source, self.plan, self.kind, self.seed = source, plan, kind, seed
        self.augment = None if augment is None else Augment(augment, augment_jointly, seed)
        # A thread between a batch that only needs copying and its reader costs more than it saves.
        is_copied = source.is_decoded and augment is None
        self.prefetch = (0 if is_copied else 2) if prefetch is None else prefetch
        self.step = 0

    def __len__(self) -> int:
        """Batches in an epoch (of this host)."""
        return self.plan.length

    def __repr__(self) -> str:
        return f"<Stream: {len(self):,} batches of {self.kind} from {self.source!r}>"

    def batch(self, step: int) -> Batch:
        """Batch `step`, counted over all epochs, as numpy arrays.

        Returns:
            `(images, labels)`, `((images_a, images_b), same)` or
            `((anchors, positives, negatives), labels of the anchors)`, as the builders'
            `as_supervised=True` gives them.

        Raises:
            ValueError: `step` is negative, or an image is damaged.
        """
        if step < 0:
            raise ValueError(f"`step` must be at least 0. Received: step={step}")
        positions = self.plan.positions(step)
        roles = self._images(positions)
        if self.augment is not None:
            roles = self.augment(roles, step)
        return self._structure(roles, self._labels(positions))

    def batches(self, start: int, count: int) -> Batch:
        """Batches `start` to `start + count`, of equal size, stacked along a new first axis."""
        if self.augment is not None:
            return stacked([self.batch(start + number) for number in range(count)])
        positions = [self.plan.positions(start + number) for number in range(count)]
        rows = np.concatenate(positions)

        def fold(array: NDArray[Any]) -> NDArray[Any]:
            return array.reshape(count, len(rows) // count, *array.shape[1:])

        roles = [fold(images) for images in self._images(rows)]
        return self._structure(roles, fold(self._labels(rows)))

    def __iter__(self) -> Iterator[Batch]:
        """The rest of the epoch that `step` lies in."""
        end = (self.step // len(self) + 1) * len(self)
        if not self.prefetch:
            while self.step < end:
                batch = self.batch(self.step)
                self.step += 1
                yield batch
            return
        yield from self._iterate_ahead(end)

    def at(self, step: int) -> "Stream":
        """A stream whose next batch is number `step`."""
        if not isinstance(step, int | np.integer) or step < 0:
            raise ValueError(f"`step` must be an integer, at least 0. Received: step={step!r}")
        other = copy.copy(self)
        other.step = int(step)
        return other

    def shard(self, host: int, hosts: int) -> "Stream":
        """The part of one of several hosts: every `hosts`-th batch, none of them shared.

        Each host gets equally many batches of full size; up to `hosts - 1` batches of an epoch
        (and a last one that is smaller) are left out, others in every epoch.

        Raises:
            ValueError: Not `0 <= host < hosts`, or an epoch has fewer batches than hosts.
        """
        other = copy.copy(self)
        other.plan = self.plan.sharded(host, hosts)
        return other

    def state_dict(self) -> dict[str, int | str]:
        """What is needed to go on from here; numbers and strings only."""
        return {"step": self.step, **self._identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was taken.

        Raises:
            ValueError: The state is that of another stream.
        """
        own = self._identity()
        for key, value in own.items():
            if state.get(key) != value:
                raise ValueError(
                    f"The state belongs to another stream: expected {key}={value!r}. "
                    f"Received: {key}={state.get(key)!r}"
                )
        self.step = self.at(state.get("step", -1)).step

    def as_tf_dataset(self, **options: Any) -> Any:
        """As a `tf.data.Dataset`; see `tfds_builders.streams._tf_data.tf_dataset`."""
        from tfds_builders.streams._tf_data import tf_dataset

        return tf_dataset(self, **options)

    def as_grain(self, **options: Any) -> Any:
        """As a `grain.IterDataset`; see `tfds_builders.streams._grain.grain_dataset`."""
        from tfds_builders.streams._grain import grain_dataset

        return grain_dataset(self, **options)

    def as_py_dataset(self, **options: Any) -> Any:
        """As a `keras.utils.PyDataset`; see `tfds_builders.streams._py_dataset`."""
        from tfds_builders.streams._py_dataset import StreamDataset

        return StreamDataset(self, **options)

    def _identity(self) -> dict[str, int | str]:
        return {
            "kind": self.kind,
            "seed": self.seed,
            "length": len(self),
            "rows": self.plan.size(0),
            "host": self.plan.host,
            "hosts": self.plan.hosts,
            "source": self.source.fingerprint,
        }

    def _images(self, positions: NDArray[np.int64]) -> list[NDArray[Any]]:
        """One array for each role."""
        images = self.source._fetch(positions.T.ravel(), self.resize)
        if isinstance(images, list):
            sizes = sorted({image.shape for image in images})
            raise ValueError(
                "The images of a batch must agree in size; `resize=(height, width)` brings them "
                f"together. Received: images of shapes {sizes[:3]}"
            )
        return [images] if positions.shape[1] == 1 else np.split(images, positions.shape[1])

    def _labels(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.kind == "pairs":
            return self.plan.sampler.is_positive(positions).astype(np.int64)
        return self.source.labels[positions[:, 0]]

    def _structure(self, roles: list[NDArray[Any]], labels: NDArray[Any]) -> Batch:
        return (roles[0] if self.kind == "balanced" else tuple(roles)), labels

    def _iterate_ahead(self, end: int) -> Iterator[Batch]:
        waiting: collections.deque[Future[Batch]] = collections.deque()
        following = self.step
        with ThreadPoolExecutor(min(self.prefetch, 2)) as pool:
            try:
                while self.step < end:
                    while following < end and len(waiting) < self.prefetch:
                        waiting.append(pool.submit(self.batch, following))
                        following += 1
                    batch = waiting.popleft().result()
                    self.step += 1
                    yield batch
            finally:
                for future in waiting:
                    future.cancel()


def stacked(batches: list[Batch]) -> Batch:
    """Batches of one structure, stacked along a new first axis."""
    if isinstance(batches[0], tuple):
        return tuple(stacked(list(parts)) for parts in zip(*batches, strict=True))
    return np.stack(batches)
