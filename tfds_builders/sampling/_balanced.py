"""Batches of P classes with K examples each."""

import copy
import warnings
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._checks import check_choice, check_range
from tfds_builders.sampling._class_plan import ClassPlan
from tfds_builders.sampling._hash import Stream, key_of
from tfds_builders.sampling._label_index import LabelIndex, as_index
from tfds_builders.sampling._permutation import permute
from tfds_builders.sampling._sharding import Sharded

_CHUNK = 2**15  # examples drawn at a time
_AHEAD = 64  # batches made when one is asked for: one alone costs as much as a few dozen
_NOTHING = (-1, np.empty((0, 0), dtype=np.int64))


class BalancedSampler(Sharded):
    """Draws P x K batches in which every example comes at least once an epoch.

    Each class is shuffled and cut into groups of K; where K does not divide the size of a
    class, some of its examples come twice to fill the last group. The groups are dealt to the
    batches so that no class is twice in one batch; places left over get further groups. Batch
    `i` depends on `(seed, i)` alone.

    Args:
        labels: Class of each example, shape `(examples,)`: integers or strings; or their
            `LabelIndex`.
        classes_per_batch: P, at least 1 and at most the number of classes.
        examples_per_class: K, at least 1.
        class_frequency: `"data"`: a class comes as often as its examples need; `"uniform"`: all
            classes come equally often, to within one, so that small ones are repeated until the
            largest has been seen whole.
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
        labels: ArrayLike | LabelIndex,
        classes_per_batch: int,
        examples_per_class: int,
        *,
        class_frequency: str = "data",
        seed: int = 0,
        strict: bool = False,
    ) -> None:
        check_choice("class_frequency", class_frequency, ("data", "uniform"))
        self.index = as_index(labels)
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
        self._groups = -(-self.index.counts // examples_per_class)
        visits = self._groups
        if class_frequency == "uniform":
            visits = np.full_like(visits, visits.max())
        self._plan = ClassPlan(visits, classes_per_batch, seed)
        self._length = self._plan.num_batches
        self._ahead: tuple[int, NDArray[np.int64]] = _NOTHING

    def batch(self, step: int) -> NDArray[np.int64]:
        """Batch `step`, counted over all epochs: positions of examples, shape `(P * K,)`.

        The K examples of a class stand side by side.
        """
        if step < 0:
            raise ValueError(f"`step` must be at least 0. Received: step={step}")
        begin = step - step % _AHEAD
        if self._ahead[0] != begin:
            self._ahead = (begin, self.batches(begin, begin + _AHEAD))
        return self._ahead[1][step - begin].copy()

    def shard(self, index: int, count: int) -> Self:
        part = super().shard(index, count)
        part._ahead = _NOTHING
        part._plan = copy.copy(self._plan)  # what it has made last is its own
        return part

    shard.__doc__ = Sharded.shard.__doc__

    def batches(self, start: int, stop: int) -> NDArray[np.int64]:
        """Batches `start` to `stop`: positions of examples, shape `(stop - start, P * K)`."""
        steps = self._unsharded(check_range(start, stop))
        width = self.classes_per_batch * self.examples_per_class
        out = np.empty((len(steps), width), dtype=np.int64)
        epochs = steps // self._length
        # Steps follow each other but for jumps between the epochs' parts of this host.
        breaks = np.flatnonzero(np.diff(epochs)) + 1
        each = max(1, _CHUNK // width)
        for begin, end in zip(np.r_[0, breaks], np.r_[breaks, len(steps)], strict=True):
            for left in range(begin, end, each):
                right = min(left + each, end)
                epoch, place = divmod(int(steps[left]), self._length)
                out[left:right] = self._draw(epoch, place, place + right - left)
        return out

    def _draw(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        classes, visits = self._plan.rows(epoch, start, stop)
        cycles, groups = np.divmod(visits, self._groups[classes])
        counts = self.index.counts[classes][..., None]
        ranks = groups[..., None] * self.examples_per_class + np.arange(self.examples_per_class)
        # Each time that a class has been seen whole it is shuffled anew.
        keys = key_of(self.seed, Stream.MEMBERS, epoch, classes, cycles)[..., None]
        members = permute(keys, ranks % counts, counts)
        chosen = self.index.order[self.index.starts[classes][..., None] + members]
        return chosen.reshape(stop - start, -1).astype(np.int64)

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
