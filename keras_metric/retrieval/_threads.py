"""Blocks of work made ahead in threads, the matrix products among it sharing the cores."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import faiss
from threadpoolctl import ThreadpoolController

_MOST_WORKERS = 4  # each has a block of the query x gallery matrix in memory

Block = TypeVar("Block")


def num_ahead() -> int:
    """Blocks that are made while one is used: as many as cores, up to a few."""
    return int(min(_MOST_WORKERS, faiss.omp_get_max_threads()))


def made_ahead(make: Callable[[int], Block], count: int) -> Iterator[Block]:
    """Yield `make(number)` for each number below `count`, in order, the next made meanwhile.

    When block `number` is made, those up to `number - num_ahead() - 1` are no longer in use.
    """
    ahead = num_ahead()
    with _shared_blas(), ThreadPoolExecutor(ahead) as pool:
        made = deque(pool.submit(make, number) for number in range(min(ahead, count)))
        for number in range(ahead, ahead + count):
            ready = made.popleft().result()
            if number < count:
                made.append(pool.submit(make, number))
            yield ready


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()  # takes milliseconds


class _SharedBlas:
    """Gives each thread's matrix products a share of the cores while anyone is inside.

    Else the threads of one product spin until the others have work for them, and take the cores
    from those that work: on two cores all takes half as long again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limits: Any = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                share = max(1, faiss.omp_get_max_threads() // num_ahead())
                self._limits = _libraries().limit(limits=share, user_api="blas")
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._limits.restore_original_limits()


_shared_blas = _SharedBlas()
