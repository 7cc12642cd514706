"""A stream as a grain dataset."""

from typing import Any

from tfds_builders.streams._stream import Batch, Stream

_ENDLESS = 2**40


class BatchSource:
    """Batches by number; grain sees one batch as one element."""

    def __init__(self, stream: Stream, length: int) -> None:
        self._stream, self._length, self._begin = stream, length, stream.step

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: Any) -> Batch:
        return self._stream.batch(self._begin + int(number))

    def __repr__(self) -> str:
        return f"BatchSource({self._stream!r})"


def grain_dataset(
    stream: Stream,
    *,
    epochs: int | None = None,
    threads: int = 2,
    prefetch: int = 4,
    workers: int = 0,
) -> Any:
    """The stream's batches as a `grain.IterDataset`, epoch after epoch.

    It starts where the stream stands. `fit` begins anew at each epoch with a dataset that ends;
    so leave `epochs` out and pass `steps_per_epoch=len(stream)`, and every epoch is a new one.
    An iterator's `get_state` and `set_state` go on with the same batches.

    Args:
        stream: The stream.
        epochs: Where the dataset ends, in epochs. None: never.
        threads: Batches that are read at the same time in each process.
        prefetch: Batches that are made ahead.
        workers: Processes that read. 0: this one does, which is faster unless decoding or
            augmentation is heavy. They are spawned, so a script needs a `__main__` guard.

    Raises:
        ImportError: grain is not installed.
        ValueError: `epochs` is not positive.
    """
    try:
        import grain
    except ImportError as error:
        raise ImportError('`as_grain` needs grain: pip install "keras-metric[grain]"') from error
    if epochs is not None and epochs < 1:
        raise ValueError(f"`epochs` must be at least 1, or None. Received: epochs={epochs}")
    length = _ENDLESS if epochs is None else epochs * len(stream)
    dataset = grain.MapDataset.source(BatchSource(stream, length)).to_iter_dataset(
        grain.ReadOptions(num_threads=threads, prefetch_buffer_size=max(prefetch, threads))
    )
    if workers:
        _mark_flags_as_parsed()
        dataset = dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    return dataset


def _mark_flags_as_parsed() -> None:
    """Grain hands absl's flags to its workers, and absl refuses if none were ever parsed."""
    from absl import flags

    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
