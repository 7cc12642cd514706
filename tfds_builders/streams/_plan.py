"""Which examples batch number `step` holds."""

import abc
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOCK = threading.Lock()
_BLOCK = 2**14  # tuples drawn at once: a draw costs little more than one of a single batch


class Plan(abc.ABC):
    """Batches of positions, a pure function of the step.

    Attributes:
        length: Batches in an epoch.
        host: Number of this host; it gets every `hosts`-th batch.
        hosts: Number of hosts.
    """

    length: int

    def __init__(self, sampler: Any, host: int, hosts: int) -> None:
        if not (isinstance(hosts, int) and isinstance(host, int) and 0 <= host < hosts):
            raise ValueError(f"Expected 0 <= host < hosts. Received: host={host}, hosts={hosts}")
        self.sampler, self.host, self.hosts = sampler, host, hosts

    @abc.abstractmethod
    def positions(self, step: int) -> NDArray[np.int64]:
        """Positions of examples, shape `(batch, roles)`."""

    @abc.abstractmethod
    def sharded(self, host: int, hosts: int) -> "Plan":
        """The part of one of several hosts."""

    def size(self, step: int) -> int:
        """Rows of batch `step`."""
        return len(self.positions(step))

    def _require_batches(self, what: str) -> None:
        if self.length < 1:
            raise ValueError(
                f"An epoch must hold at least one batch for each host. Received: {what}, "
                f"hosts={self.hosts}"
            )


class BalancedPlan(Plan):
    """Whole batches from a sampler's `batch(step)`."""

    def __init__(self, sampler: Any, host: int = 0, hosts: int = 1) -> None:
        super().__init__(sampler, host, hosts)
        self.length = len(sampler) // hosts
        self._require_batches(f"{len(sampler)} batches")

    def positions(self, step: int) -> NDArray[np.int64]:
        epoch, place = divmod(step, self.length)
        with _LOCK:  # the sampler keeps the epoch that it is in
            batch = self.sampler.batch(epoch * len(self.sampler) + place * self.hosts + self.host)
        return np.asarray(batch, np.int64)[:, np.newaxis]

    def sharded(self, host: int, hosts: int) -> "Plan":
        return BalancedPlan(self.sampler, host, hosts)


class TuplePlan(Plan):
    """Tuples from a sampler's `take(start, stop)`, cut into batches."""

    def __init__(
        self,
        sampler: Any,
        batch_size: int,
        drop_remainder: bool,
        host: int = 0,
        hosts: int = 1,
    ) -> None:
        super().__init__(sampler, host, hosts)
        if not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ValueError(
                f"`batch_size` must be a positive integer. Received: batch_size={batch_size}"
            )
        self.batch_size, self.drop_remainder = int(batch_size), drop_remainder
        whole = len(sampler) // (self.batch_size * hosts)
        # All hosts need equally many batches of equal size, or they would wait for each other.
        is_short = hosts == 1 and not drop_remainder and len(sampler) % self.batch_size > 0
        self.length = whole + is_short
        self._require_batches(f"{len(sampler)} tuples, batch_size={batch_size}")
        self._blocks: dict[int, NDArray[np.int64]] = {}

    def positions(self, step: int) -> NDArray[np.int64]:
        epoch, place = divmod(step, self.length)
        size = len(self.sampler)
        begin = (place * self.hosts + self.host) * self.batch_size
        end = min(begin + self.batch_size, size)
        return self._take(epoch * size + begin, epoch * size + end)

    def sharded(self, host: int, hosts: int) -> "Plan":
        return TuplePlan(self.sampler, self.batch_size, self.drop_remainder, host, hosts)

    def _take(self, start: int, stop: int) -> NDArray[np.int64]:
        first, last = start // _BLOCK, (stop - 1) // _BLOCK
        blocks = [self._block(number) for number in range(first, last + 1)]
        joined = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        return joined[start - first * _BLOCK : stop - first * _BLOCK]

    def _block(self, number: int) -> NDArray[np.int64]:
        block = self._blocks.get(number)
        if block is None:
            with _LOCK:
                block = self.sampler.take(number * _BLOCK, (number + 1) * _BLOCK)
                if len(self._blocks) > 3:
                    self._blocks = {}
                self._blocks[number] = block
        return block
