"""Runs extraction in processes of its own, each with one parser, killed when a file takes too long.

tree-sitter holds the GIL and cannot be interrupted, so threads gain nothing and only killing the process
bounds a file's time. The processes are started with `-P`: `multiprocessing` would put the working
folder first on `sys.path` and run a repository's own modules. Answers are JSON and plain arrays, so that a
parser that a hostile file took over has nothing to unpickle.
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
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self, get_args

import numpy as np

from moot.agent.index.facts import Links, State, decode_links
from moot.agent.index.segment import Ints, Vocabulary

__all__ = ["Indexed", "Job", "Workers"]

_PROGRAM = "from moot.agent.index.worker import main; main()"
_READ = 1 << 20
_BATCH_BYTES = 1 << 18
_BATCH_FILES = 64
_START_SECONDS = 60.0  # allowed on top for the first file, while the process starts

Job = tuple[str, bytes]
"""Language and content."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one blob holds, as it is stored; numbers of words refer to `vocabulary`."""

    state: State
    symbol_count: int
    generated: bool
    symbols: bytes
    imports: str
    vocabulary: Vocabulary
    used: Ints
    times: Ints
    names: Ints


_EMPTY: Ints = np.zeros(0, np.uint32)


class Workers:
    """Parser processes, started on first use; a context manager that ends them."""

    def __init__(self, count: int, timeout: float) -> None:
        """Prepare `count` processes; `timeout` is in seconds a file."""
        self._count = count
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="index")
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(_Worker())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().kill()

    def renumber(self) -> None:
        """Let the words that come be numbered from the start, in new vocabularies; not during `index`."""
        for worker in list(self._idle.queue):
            worker.fresh = True

    def index(self, jobs: Iterable[Job]) -> Iterator[Indexed]:
        """Yield what each blob holds, in order, reading only a little ahead."""
        pending: deque[Future[list[Indexed]]] = deque()
        for batch in _batches(jobs):
            pending.append(self._threads.submit(self._index, batch))
            if len(pending) > 2 * self._count:
                yield from pending.popleft().result()
        for future in pending:
            yield from future.result()

    def links(self, jobs: Iterable[Job]) -> Iterator[Links]:
        """Yield what each blob says of others; nothing of one that cannot be read in time."""
        for future in [self._threads.submit(self._links, batch) for batch in _batches(jobs)]:
            yield from future.result()

    def _index(self, batch: Sequence[Job]) -> list[Indexed]:
        return [
            answer
            if isinstance(answer, Indexed)
            else Indexed("unread", 0, False, b"", "", Vocabulary(), *_NONE)
            for answer in self._ask("index", batch)
        ]

    def _links(self, batch: Sequence[Job]) -> list[Links]:
        return [
            answer if isinstance(answer, Links) else Links({}, {}, [], [])
            for answer in self._ask("links", batch)
        ]

    def _ask(self, what: str, batch: Sequence[Job]) -> "list[Indexed | Links | None]":
        """Return an answer for each job: parsed; where that fails, line by line; where that fails, None."""
        worker = self._idle.get()
        try:
            answers: list[Indexed | Links | None] = []
            parse = True
            while len(answers) < len(batch):
                rest = batch[len(answers) :]
                found = list(worker.ask(what, rest, parse, self._timeout))
                answers += found
                if len(found) == len(rest):
                    break
                parse = not parse and not found  # else the next one is read by lines
                if parse:
                    answers.append(None)
            return answers
        finally:
            self._idle.put(worker)


_NONE = (_EMPTY, _EMPTY, _EMPTY)


class _Worker:
    """One process, started when asked and again after it was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._vocabulary = Vocabulary()
        self.fresh = False

    def ask(
        self, what: str, batch: Sequence[Job], parse: bool, timeout: float
    ) -> "Iterator[Indexed | Links]":
        """Yield answers in order; they end early where the process died or was killed at the timeout.

        Args:
            what: `index` or `links`.
            batch: at least one job.
            parse: whether the first one is parsed; the others are.
            timeout: seconds for each.
        """
        slack = 0.0 if self._process else _START_SECONDS
        process = self._started()
        files = [[language, parse or n > 0, len(data)] for n, (language, data) in enumerate(batch)]
        header = json.dumps([what, timeout, self.fresh, files]).encode()
        assert process.stdin is not None
        assert process.stdout is not None
        if self.fresh:
            self._vocabulary, self.fresh = Vocabulary(), False
        answers = _Reader(process.stdout.fileno())
        try:
            process.stdin.write(b"".join((header, b"\n", *(data for _, data in batch))))
            process.stdin.flush()
            for _ in batch:
                answers.deadline = time.monotonic() + timeout + slack
                yield _decode(what, answers, self._vocabulary)
                slack = 0.0
        except (OSError, ValueError):
            self.kill()

    def kill(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError), process:  # closing flushes into a pipe that nobody reads
                pass

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._vocabulary, self.fresh = Vocabulary(), False
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the terminal is the parent's to handle
            )
        return self._process


class _Reader:
    """Reads from a pipe until a deadline. Raises TimeoutError (an OSError), ValueError at an early end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._data = bytearray()
        self.deadline = 0.0

    def line(self) -> bytes:
        """Return the next line without its end."""
        while (end := self._data.find(b"\n")) < 0:
            self._fill()
        return self.take(end + 1)[:-1]

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        while len(self._data) < size:
            self._fill()
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken

    def _fill(self) -> None:
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, self.deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        chunk = os.read(self._descriptor, _READ)
        if not chunk:
            raise ValueError("the answer ends early")
        self._data += chunk


def _decode(what: str, answers: _Reader, vocabulary: Vocabulary) -> "Indexed | Links":
    """Read one answer. Raises ValueError when it is malformed."""
    header: list[Any]
    header, sizes = json.loads(answers.line())
    parts = [answers.take(size) for size in sizes]
    if what == "links":
        return decode_links(parts[0])
    state, symbol_count, generated = header
    symbols, imports, new, *numbers = parts
    used, times, names = (np.frombuffer(part, np.uint32) for part in numbers)
    vocabulary.words += new.split(b"\n") if new else []
    if state not in get_args(State) or max(used.max(initial=0), names.max(initial=0)) > len(vocabulary.words):
        raise ValueError("the answer is malformed")
    return Indexed(
        state, int(symbol_count), bool(generated), symbols, imports.decode(), vocabulary, used, times, names
    )


def _batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    batch: list[Job] = []
    size = 0
    for job in jobs:
        batch.append(job)
        size += len(job[1])
        if size >= _BATCH_BYTES or len(batch) == _BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
