"""A Milvus server, or a file of Milvus Lite: connected late, asked again, and clear when away."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Not ready, unavailable, out of memory for now, too many requests, rate limit.
_WAIT = {1, 2, 3, 4, 8}
_TOO_FAST = {3, 4, 8}
_LONGEST_WAIT = 30.0


class Overloaded(Exception):
    """The server asks for less at a time."""


class MilvusConnection:
    """Calls of a `MilvusClient`, repeated with growing pauses where waiting may help.

    Args:
        uri: A file of Milvus Lite, or the address of a server.
        token: "user:password" or an API key of a server.
        timeout: Seconds one call may take.
        retries: How often a call is repeated.
        pause: Seconds before the first repetition; doubled each time.

    Raises:
        ImportError: pymilvus is not installed.
        FileNotFoundError: The file's folder does not exist.
        ConnectionError: The server does not answer.
    """

    def __init__(
        self, uri: str, token: str | None, timeout: float, retries: int, pause: float
    ) -> None:
        self.uri, self._timeout = str(uri), timeout
        self._retries, self._pause = retries, pause
        self._pymilvus = _import()
        if "://" not in self.uri and not Path(self.uri).absolute().parent.is_dir():
            raise FileNotFoundError(
                f"The folder of a Milvus Lite file must exist. Received: uri={self.uri!r}"
            )
        self._client = self._repeat(
            lambda: self._pymilvus.MilvusClient(self.uri, token=token or "", timeout=timeout)
        )

    def __call__(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        """The result of the client's method `verb`."""
        method = getattr(self._client, verb)
        return self._repeat(lambda: method(*args, timeout=self._timeout, **kwargs))

    def schema(self) -> Any:
        """An empty schema."""
        return self._client.create_schema(auto_id=False, enable_dynamic_field=False)

    def index_params(self) -> Any:
        """Empty parameters of indexes."""
        return self._client.prepare_index_params()

    def data_type(self, name: str) -> Any:
        """A data type by name."""
        return getattr(self._pymilvus.DataType, name)

    def close(self) -> None:
        """Let go of the server."""
        self._client.close()

    def _repeat(self, call: Callable[[], Any]) -> Any:
        pause = self._pause
        for attempt in range(self._retries + 1):
            try:
                with _quiet():
                    return call()
            except Exception as error:
                if not self._may_help(error):
                    raise ValueError(
                        f"Milvus refused: {_text(error)}. Received: uri={self.uri!r}"
                    ) from error
                if attempt == self._retries:
                    self._give_up(error)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_WAIT)
        raise AssertionError  # the loop returns or raises

    def _may_help(self, error: Exception) -> bool:
        """Whether waiting may help."""
        name = type(error).__name__
        lost = isinstance(error, (ConnectionError, TimeoutError)) or "Rpc" in name
        code = getattr(error, "code", None)
        return lost or "MultiThreadedRendezvous" in name or code in _WAIT

    def _give_up(self, error: Exception) -> None:
        if getattr(error, "code", None) in _TOO_FAST:
            raise Overloaded(_text(error)) from error
        raise ConnectionError(
            f"Milvus did not answer in {self._retries + 1} attempts: is it running, and can it "
            f"be reached from here? ({_text(error)}) Received: uri={self.uri!r}"
        ) from error


def _import() -> Any:
    try:
        import pymilvus
    except ImportError as error:
        raise ImportError('MilvusSearch needs `pip install "keras-metric[milvus]"`') from error
    return pymilvus


def _text(error: Exception) -> str:
    return str(getattr(error, "message", "") or error or type(error).__name__)


@contextmanager
def _quiet() -> Iterator[None]:
    """pymilvus logs every failure with its traceback; ours is raised."""
    logger = logging.getLogger("pymilvus")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
