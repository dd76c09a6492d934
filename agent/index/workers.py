"""Runs extraction in processes of its own, each with one parser, killed when a file takes too long.

tree-sitter holds the GIL and cannot be interrupted, so threads gain nothing and only killing the process
bounds a file's time. The processes are started with `-P`: `multiprocessing` would put the working
folder first on `sys.path` and run a repository's own modules.
"""

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from moot.agent.index.facts import Facts, Row
from moot.agent.index.store import Key

__all__ = ["Workers"]

_PROGRAM = "from moot.agent.index.worker import main; main()"
_LINES = 4
_READ = 1 << 16
_AHEAD = 4  # blobs read ahead for each worker
_START_SECONDS = 60.0  # allowed on top for the first file, while the process starts


class Workers:
    """Parser processes; a context manager that ends them."""

    def __init__(self, count: int, timeout: float) -> None:
        """Prepare `count` processes that start on first use; `timeout` is in seconds a file."""
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="index")
        self._ahead = _AHEAD * count
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(_Worker())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().kill()

    def map(self, jobs: Iterable[tuple[Key, bytes]]) -> Iterator[tuple[Key, Row]]:
        """Yield each job's key with its row, in order, reading only a little ahead."""
        pending: deque[tuple[Key, Future[Row]]] = deque()
        for key, data in jobs:
            pending.append((key, self._threads.submit(self.extract, data, key[1])))
            if len(pending) >= self._ahead:
                done, future = pending.popleft()
                yield done, future.result()
        for done, future in pending:
            yield done, future.result()

    def extract(self, data: bytes, language: str) -> Row:
        """Return a blob's row: parsed; where that fails, line by line; where that fails, its path only."""
        worker = self._idle.get()
        try:
            for parse in (True, False):
                row = worker.ask(data, language, parse, self._timeout)
                if row is not None:
                    return row
            return Facts("unread").row()
        finally:
            self._idle.put(worker)


class _Worker:
    """One process, started when asked and again after it was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, data: bytes, language: str, parse: bool, timeout: float) -> Row | None:
        """Return the answer; None when the process died or was killed at the timeout."""
        deadline = time.monotonic() + timeout + (0.0 if self._process else _START_SECONDS)
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        header = json.dumps([language, parse, len(data), timeout])
        try:
            process.stdin.write(header.encode() + b"\n" + data)
            process.stdin.flush()
            return Row.join(*_read_lines(process.stdout.fileno(), deadline))
        except (OSError, ValueError):
            self.kill()
            return None

    def kill(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError), process:  # closing flushes into a pipe that nobody reads
                pass


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # an interrupt at the terminal is the parent's to handle
    )


def _read_lines(descriptor: int, deadline: float) -> list[str]:
    """Read an answer. Raises TimeoutError (an OSError) at the deadline, ValueError when it is cut short."""
    chunks: list[bytes] = []
    lines = 0
    while lines < _LINES:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        chunk = os.read(descriptor, _READ)
        if not chunk:
            raise ValueError("the answer ends early")
        lines += chunk.count(b"\n")
        chunks.append(chunk)
    return b"".join(chunks).decode().split("\n")[:_LINES]
