"""Blocks made ahead: in order, in buffers that are free, with BLAS as it was afterwards."""

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from keras_metric.retrieval import _threads
from keras_metric.retrieval.measures import evaluate


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    monkeypatch.setattr(_threads.faiss, "omp_get_max_threads", lambda: 4)


def blas_threads():
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 50])
def test_blocks_come_in_order_from_buffers_that_are_not_in_use(count):
    buffers = np.full((_threads.num_ahead() + 1, 1000), -1)

    def make(number):
        buffer = buffers[number % len(buffers)]
        buffer[:] = number
        return buffer

    seen = []
    for block in _threads.made_ahead(make, count):
        seen.append(int(block[0]))
        assert (block == seen[-1]).all()
    assert seen == list(range(count))


def test_blocks_are_made_beside_each_other():
    together = threading.Barrier(_threads.num_ahead(), timeout=60)
    assert list(_threads.made_ahead(lambda number: together.wait() < 4, 8)) == [True] * 8


def test_an_error_comes_to_the_caller_and_blas_is_as_before():
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(ZeroDivisionError):
            list(_threads.made_ahead(lambda number: 1 // (3 - number), 10))
        assert blas_threads() == {2}


def test_blas_is_shared_until_the_last_has_left():
    with threadpool_limits(3, user_api="blas"):
        first, second = (_threads.made_ahead(lambda number: number, 9) for _ in range(2))
        next(first), next(second)
        assert blas_threads() == {1}
        first.close()
        assert blas_threads() == {1}
        second.close()
        assert blas_threads() == {3}


def test_a_users_function_is_never_called_twice_at_a_time(monkeypatch):
    monkeypatch.setattr("keras_metric.retrieval.measures._scores._BLOCK_BYTES", 4 * 40)
    inside = threading.Semaphore(1)

    def relevance(labels, gallery_labels):
        assert inside.acquire(blocking=False)
        same = labels[:, None] == gallery_labels[None]
        time.sleep(0.005)
        inside.release()
        return same

    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(40, 3)).astype("float32"), rng.integers(0, 5, 40)
    found = evaluate(x, labels, relevance=relevance, measures=["map_at_r"])
    assert found["map_at_r"] == evaluate(x, labels, measures=["map_at_r"])["map_at_r"]
