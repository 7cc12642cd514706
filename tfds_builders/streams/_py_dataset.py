"""A stream as a `keras.utils.PyDataset`."""

from typing import Any

import keras

from tfds_builders.streams._stream import Batch, Stream


class StreamDataset(keras.utils.PyDataset):
    """The stream's batches for `fit` on any backend.

    It starts where the stream stands; each epoch of `fit` is the next epoch. `fit` takes the
    batches of an epoch in an order drawn from Python's `random`; `fit(shuffle=False)` keeps
    the stream's own.

    Args:
        stream: The stream.
        workers: Threads, or processes, that read ahead.
        use_multiprocessing: Whether they are processes.
        max_queue_size: Batches that are made ahead.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> None:
        super().__init__(
            workers=workers,
            use_multiprocessing=use_multiprocessing,
            max_queue_size=max_queue_size,
        )
        self.stream = stream
        self._begin = stream.step

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.stream)

    def __getitem__(self, index: Any) -> Batch:
        return self.stream.batch(self._begin + int(index))

    def on_epoch_end(self) -> None:
        """Go on to the next epoch."""
        self._begin += len(self)
