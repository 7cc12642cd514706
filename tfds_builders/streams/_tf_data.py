"""A stream as a `tf.data.Dataset`."""

import itertools
from typing import Any

import numpy as np

from tfds_builders.streams._stream import Stream

_CHUNK_BYTES = 2**20


def tf_dataset(stream: Stream, *, threads: int = 2, prefetch: int = 2) -> Any:
    """The stream's batches as a `tf.data.Dataset` of one epoch.

    It starts where the stream stands. Each iteration, so each epoch of `fit`, is the next
    epoch; its length is that of an epoch, which `len` and `fit`'s progress bar know (unless it
    starts in the middle of one). An iterator can be saved by `tf.train.Checkpoint` and goes on
    with the same batches, within the epoch that it is in, if it is restored into an iterator over
    the same stream; `stream.at(step).as_tf_dataset()` starts anywhere, and needs no checkpoint.

    Args:
        stream: The stream.
        threads: Batches that are read at the same time.
        prefetch: Batches that are made ahead.

    Returns:
        A dataset of the structure that `Stream.batch` has.
    """
    import tensorflow as tf

    length = len(stream)
    spec = _spec(stream)
    first = spec["first"]
    chunk = _chunk(stream, spec)
    iterations = itertools.count()
    begin = stream.step

    def next_steps(_: Any) -> Any:
        number = next(iterations)
        if not number:
            return np.array([begin, (begin // length + 1) * length], np.int64)
        start = (begin // length + number) * length
        return np.array([start, start + length], np.int64)

    # What is called stateless has no state that a checkpoint would have to hold: batches depend
    # on the step alone, and the range of steps itself is saved as the state of `flat_map`.
    def steps_of_epoch(zero: Any) -> Any:
        return tf.ensure_shape(tf.numpy_function(next_steps, [zero], tf.int64, stateful=False), [2])

    def read(count: int, size: int | None) -> Any:
        def call(step: Any) -> list[Any]:
            found = stream.batches(int(step), count) if count > 1 else stream.batch(int(step))
            return _flat(found)

        def mapped(step: Any) -> Any:
            parts = tf.numpy_function(call, [step], spec["types"], stateful=False)
            lead = [] if count == 1 else [count]
            shapes = [[*lead, size, *shape] for shape in spec["shapes"]]
            return spec["pack"]([tf.ensure_shape(p, s) for p, s in zip(parts, shapes, strict=True)])

        return mapped

    def batches(steps: Any) -> Any:
        start, stop = steps[0], steps[1]
        whole = stop - 1 if spec["is_short"] else stop
        between = start + (whole - start) // chunk * chunk if chunk > 1 else start

        def mapped(start: Any, stop: Any, by: int, size: int) -> Any:
            return tf.data.Dataset.range(start, stop, by).map(
                read(by, size), num_parallel_calls=threads, deterministic=True
            )

        parts = mapped(between, whole, 1, first)
        if chunk > 1:
            parts = mapped(start, between, chunk, first).unbatch().concatenate(parts)
        if spec["is_short"]:
            parts = parts.concatenate(mapped(whole, stop, 1, spec["last"]))
        return parts

    dataset = tf.data.Dataset.range(1).map(steps_of_epoch).flat_map(batches)
    if begin % length == 0:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(length))
    return dataset.prefetch(prefetch)


def _spec(stream: Stream) -> dict[str, Any]:
    """Types, shapes and sizes, taken from the next batch."""
    import tensorflow as tf

    batch = stream.batch(stream.step)
    parts = _flat(batch)
    num_roles = len(parts) - 1

    def pack(tensors: list[Any]) -> Any:
        return (tensors[0] if stream.kind == "balanced" else tuple(tensors[:-1])), tensors[-1]

    length = len(stream)
    first, last = stream.plan.size(0), stream.plan.size(length - 1)
    return {
        "types": [tf.as_dtype(part.dtype) for part in parts],
        "shapes": [part.shape[1:] for part in parts],
        "bytes": sum(part.nbytes for part in parts[:num_roles]),
        "pack": pack,
        "first": first,
        "last": last,
        "is_short": first != last,
    }


def _chunk(stream: Stream, spec: dict[str, Any]) -> int:
    """Batches read by one call, where a call would take longer than the reading."""
    if stream.prefetch or stream.augment is not None:
        return 1
    return int(np.clip(_CHUNK_BYTES // max(spec["bytes"], 1), 1, 16))


def _flat(batch: Any) -> list[Any]:
    images, labels = batch
    return [*(images if isinstance(images, tuple) else (images,)), labels]
