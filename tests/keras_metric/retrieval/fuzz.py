"""Random calls of indexes: `python fuzz.py SEED STEPS ENGINE-DISTANCE [ENGINE-DISTANCE ...]`.

Runs in a process of its own, because what it looks for may end the process. Prints each kind of
index before it is called, and at last the number of calls; a wrong answer is an AssertionError.
"""

import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np

from keras_metric.retrieval import Indexer

DTYPES = ["int8", "uint8", "int64", "float16", "float32", "float64", ">f4", ">f8"]


def reference(rows, query, distance):
    rows, query = np.asarray(rows, "float64"), np.asarray(query, "float64")
    if distance == "cosine":
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(query)
        return 1 - np.divide(rows @ query, lengths, out=np.zeros(len(rows)), where=lengths > 0)
    if distance == "dot_product":
        return -(rows @ query)
    gap = rows - query
    if distance == "manhattan":
        return np.abs(gap).sum(axis=1)
    squared = (gap**2).sum(axis=1)
    return squared if distance == "squared_euclidean" else np.sqrt(squared)


class Fuzz:
    def __init__(self, engine, distance, seed):
        self.rng = np.random.default_rng(seed)
        self.engine, self.distance = engine, distance
        self.dim = int(self.rng.integers(1, 9)) * 2  # product quantization divides it
        self.index = Indexer(self.dim, distance, engine)
        self.rows, self.labels = {}, {}

    def draw(self, num):
        """Small whole numbers, which every type holds, in every layout."""
        rng = self.rng
        low = 0 if (dtype := rng.choice(DTYPES)) == "uint8" else -9
        x = rng.integers(low, 9, size=(num, self.dim)).astype(dtype)
        if rng.random() < 0.2 and num:
            x[rng.integers(num)] = 0
        return [
            lambda: x,
            lambda: np.asfortranarray(x),
            lambda: np.repeat(x, 2, axis=0)[::2],
            lambda: np.repeat(x, 3, axis=1)[:, ::3],
            lambda: x[::-1].copy()[::-1],
            lambda: x[:, ::-1].copy()[:, ::-1],
            lambda: x.tolist() if num else x,
            lambda: np.frombuffer(b"0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
        ][rng.integers(8)]()

    def some_ids(self):
        ids = list(self.rows)
        return self.rng.choice(ids, size=self.rng.integers(1, len(ids) + 1), replace=False)

    def add(self):
        num = int(self.rng.integers(0, 12))
        x = self.draw(num)
        labels = [None, [f"l{i % 3}" for i in range(num)], self.rng.integers(-3, 9, num)]
        labels = labels[self.rng.integers(3)]
        ids = self.index.batch_add(x, labels, verbose=0).tolist()
        self.rows |= dict(zip(ids, np.asarray(x, "float64"), strict=True))
        self.labels |= dict(zip(ids, [None] * num if labels is None else labels, strict=True))

    def remove(self):
        for one in (ids := self.some_ids()).tolist():
            del self.rows[one], self.labels[one]
        self.index.remove(ids)

    def update(self):
        ids = self.some_ids()
        x = self.draw(len(ids))
        self.index.update(ids, x)
        self.rows |= dict(zip(ids.tolist(), np.asarray(x, "float64"), strict=True))

    def check(self, query, ids, distances, labels):
        ids, distances = ids[ids >= 0], distances[ids >= 0]
        assert len(set(ids.tolist())) == len(ids)
        assert set(ids.tolist()) <= set(self.rows)
        own = reference([self.rows[i] for i in ids.tolist()], query, self.distance)
        np.testing.assert_allclose(distances, own, rtol=1e-4, atol=2e-3)
        assert (np.diff(distances) >= -2e-3).all()
        for one, label in zip(ids.tolist(), labels, strict=False):
            assert label == self.labels[one], (label, self.labels[one])

    def search(self):
        queries, k = self.draw(int(self.rng.integers(1, 5))), int(self.rng.integers(1, 15))
        ids, distances, labels = self.index.search(queries, k)
        for query, *found in zip(np.asarray(queries), ids, distances, labels, strict=True):
            self.check(query, *found)
            if self.engine == "flat":
                every = np.sort(reference(list(self.rows.values()), query, self.distance))
                np.testing.assert_allclose(found[1], every[:k], rtol=1e-4, atol=2e-3)

    def range_search(self):
        queries, radius = self.draw(2), float(self.rng.uniform(0.1, 30))
        if self.engine != "flat":
            return
        for query, one in zip(np.asarray(queries), self._ranges(queries, radius), strict=True):
            every = reference(list(self.rows.values()), query, self.distance)
            ids = np.array(list(self.rows))
            assert set(ids[every < radius - 0.01]) <= set(one) <= set(ids[every < radius + 0.01])

    def _ranges(self, queries, radius):
        ids, _, _, splits = self.index.range_search(queries, radius)
        return [ids[a:b].tolist() for a, b in itertools.pairwise(splits)]

    def lookup(self):
        query = self.draw(1)
        (found,) = self.index.batch_lookup(query, k=3, verbose=0)
        own = reference([one.embedding for one in found], np.asarray(query)[0], self.distance)
        np.testing.assert_allclose([one.distance for one in found], own, rtol=1e-4, atol=2e-3)

    def save_and_load(self):
        with tempfile.TemporaryDirectory() as folder:
            self.index.save(Path(folder) / "index")
            self.index = Indexer.load(Path(folder) / "index", verbose=0)

    def wrong(self):
        """Calls that must fail with a message, and change nothing."""
        good = np.zeros((2, self.dim), "float32")
        bad = good.copy()
        bad[1, 0] = [np.nan, np.inf, -np.inf][self.rng.integers(3)]
        taken = next(iter(self.rows))
        calls = [
            lambda: self.index.batch_add(bad, verbose=0),
            lambda: self.index.batch_add(np.zeros((2, self.dim + 1)), verbose=0),
            lambda: self.index.batch_add(good, [1], verbose=0),
            lambda: self.index.batch_add(good.astype(str), verbose=0),
            lambda: self.index.batch_add(np.zeros((2, self.dim, 1)), verbose=0),
            lambda: self.index.update([taken], bad[1:]),
            lambda: self.index.update([taken, taken], good),
            lambda: self.index.update([-7], good[:1]),
            lambda: self.index.remove([taken, 10**12]),
            lambda: self.index.search(good, 0),
            lambda: self.index.search(good, -3),
            lambda: self.index.search(bad, 2),
            lambda: self.index.search(good[:, 1:], 2),
            lambda: self.index.search(good.astype(complex), 2),
        ]
        call = calls[self.rng.integers(len(calls))]
        try:
            call()
        except (ValueError, TypeError):
            pass
        else:
            raise AssertionError(f"accepted: call {calls.index(call)}")

    def run(self, steps):
        verbs = [self.add, self.add, self.remove, self.update, self.search, self.search]
        verbs += [self.range_search, self.lookup, self.wrong, self.save_and_load]
        for _ in range(steps):
            verb = self.add if not self.rows else verbs[self.rng.integers(len(verbs))]
            verb()
            assert self.index.size() == len(self.rows), verb
            if len(self.rows) > 80:
                self.remove()


if __name__ == "__main__":
    seed, steps, kinds = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for kind in kinds:
        print(kind, flush=True)
        for number in range(seed, seed + 3):
            Fuzz(*kind.split("-"), number).run(steps)
    print("done", 3 * steps * len(kinds))
