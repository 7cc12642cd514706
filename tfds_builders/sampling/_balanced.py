"""Batches of P classes with K examples each."""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._hash import permutation
from tfds_builders.sampling._label_index import LabelIndex

_CLASSES, _MEMBERS, _BATCHES, _FILL = 4, 5, 6, 7


class BalancedSampler:
    """Draws P x K batches in which every example comes at least once an epoch.

    Each class is shuffled and cut into groups of K; a class whose size is no multiple of K
    repeats some of its examples to fill the last group. The groups are dealt to the batches so
    that no class is twice in one batch; places left over are filled with further groups of
    classes that the batch lacks. Epoch `e` depends on `(seed, e)` alone.

    Args:
        labels: Class of each example, shape `(examples,)`: integers or strings.
        classes_per_batch: P, at least 1 and at most the number of classes.
        examples_per_class: K, at least 1.
        seed: Any integer.
        strict: Whether a class of fewer than K examples is an error. Otherwise its examples
            are repeated within a group, with one warning.

    Raises:
        ValueError: P or K is out of range, or, if `strict`, a class is smaller than K.

    Example:
        >>> sampler = BalancedSampler([0, 0, 1, 1, 2, 2], 2, 2)
        >>> sampler.batch(0).shape
        (4,)
    """

    def __init__(
        self,
        labels: ArrayLike,
        classes_per_batch: int,
        examples_per_class: int,
        *,
        seed: int = 0,
        strict: bool = False,
    ) -> None:
        self.index = LabelIndex(labels)
        num_classes = len(self.index.classes)
        if not 1 <= classes_per_batch <= num_classes:
            raise ValueError(
                f"`classes_per_batch` must lie from 1 to the number of classes, {num_classes}. "
                f"Received: classes_per_batch={classes_per_batch}"
            )
        if examples_per_class < 1:
            raise ValueError(
                "`examples_per_class` must be at least 1. "
                f"Received: examples_per_class={examples_per_class}"
            )
        self.classes_per_batch = classes_per_batch
        self.examples_per_class = examples_per_class
        self.seed = seed
        self._check_sizes(strict)
        groups = -(-self.index.counts // examples_per_class)
        self._num_batches = max(int(groups.max()), -(-int(groups.sum()) // classes_per_batch))
        self._epoch = -1
        self._batches: NDArray[np.int64] = np.empty((0, 0), dtype=np.int64)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._num_batches

    def batch(self, step: int) -> NDArray[np.int64]:
        """Batch `step`, counted over all epochs: positions of examples, shape `(P * K,)`.

        The K examples of a class stand side by side.
        """
        if step < 0:
            raise ValueError(f"`step` must be at least 0. Received: step={step}")
        epoch, place = divmod(step, len(self))
        if epoch != self._epoch:
            self._batches, self._epoch = self._deal(epoch), epoch
        return self._batches[place]

    def _check_sizes(self, strict: bool) -> None:
        small = np.flatnonzero(self.index.counts < self.examples_per_class)
        if not len(small):
            return
        message = (
            f"{len(small)} of {len(self.index.classes)} classes have fewer than "
            f"examples_per_class={self.examples_per_class} examples, among them "
            f"{self.index.classes[small[0]].item()!r} with {self.index.counts[small[0]]}"
        )
        if strict:
            raise ValueError(message)
        warnings.warn(f"{message}; theirs are repeated within a batch", stacklevel=3)

    def _deal(self, epoch: int) -> NDArray[np.int64]:
        """All batches of an epoch, shape `(batches, P * K)`."""
        groups, owners = self._groups(epoch)
        dealt: list[list[int]] = [[] for _ in range(len(self))]
        # A class's groups follow each other and are no more than the batches, so dealing
        # round and round never gives one batch a class twice.
        for number in range(len(groups)):
            dealt[number % len(self)].append(number)
        for number, batch in enumerate(dealt):
            missing = self.classes_per_batch - len(batch)
            if missing:
                seed = self.seed + (epoch * len(self) + number + 1) * 2**32
                batch.extend(self._fill(owners, batch, missing, seed))
        shuffled = permutation(self.seed, _stream(epoch, _BATCHES), len(self))
        return groups[np.asarray(dealt)[shuffled]].reshape(len(self), -1)

    def _fill(
        self, owners: NDArray[np.int64], batch: list[int], missing: int, seed: int
    ) -> list[int]:
        """`missing` random groups of classes that the batch lacks."""
        order = permutation(seed, _FILL, len(owners))
        wanted = order[~np.isin(owners[order], owners[batch])]
        _, first = np.unique(owners[wanted], return_index=True)
        return wanted[np.sort(first)[:missing]].tolist()

    def _groups(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Groups of K examples of one class, shape `(groups, K)`, and the class of each."""
        index, size = self.index, self.examples_per_class
        shuffled = permutation(self.seed, _stream(epoch, _MEMBERS), len(index))
        by_class = shuffled[np.argsort(index.class_of[shuffled], kind="stable")]
        groups, owners = [], []
        for owner in permutation(self.seed, _stream(epoch, _CLASSES), len(index.classes)):
            start, count = index.starts[owner], index.counts[owner]
            members = by_class[start : start + count]
            rows = -(-count // size)
            groups.append(np.resize(members, rows * size).reshape(rows, size))
            owners.append(np.full(rows, owner))
        return np.concatenate(groups), np.concatenate(owners)


def _stream(epoch: int, use: int) -> int:
    return use + (epoch + 1) * 16
