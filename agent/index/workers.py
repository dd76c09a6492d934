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
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar, get_args

from moot.agent.core.errors import UsageError
from moot.agent.index.facts import Links, Outlined, State, decode_links, decode_outline
from moot.agent.index.segment import MOST_DOCUMENTS

__all__ = ["Indexed", "Job", "Portion", "Workers"]

_PROGRAM = "from moot.agent.index.worker import main; main()"
_READ = 1 << 20
_BATCH_BYTES = 1 << 18
_BATCH_FILES = 64
_PORTION = 24 << 20  # bytes of source in one segment: what a process holds in memory while it is made
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # NumPy's others take address space and are not used
_SEGMENT_SECONDS = 300.0
_START_SECONDS = 60.0  # until a process is ready; and on top for its first file, while it loads a grammar

_T = TypeVar("_T")

Job = tuple[str, bytes]
"""Language and content."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one blob holds, as it is stored; its words are those of a document of a segment."""

    document: int
    state: State
    symbol_count: int
    generated: bool
    symbols: bytes
    imports: str


_Answer = Indexed | Links | list[Outlined]


@dataclass(slots=True)
class Portion:
    """What one process has read since its last segment, by the job's number.

    `segment` holds the words; None when the process was ended before it made one: the words are lost.
    """

    rows: dict[int, Indexed] = field(default_factory=dict[int, Indexed])
    segment: bytes | None = None


class Workers:
    """Parser processes, started on first use; a context manager that ends them."""

    def __init__(self, count: int, timeout: float) -> None:
        """Prepare `count` processes; `timeout` is in seconds a file."""
        self._count = count
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="index")
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(_Worker(timeout))
        self._feared: set[int] = set()  # hashes of jobs that a process died of

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the processes, which takes them a while, before there is something to do."""
        for worker in list(self._idle.queue):
            worker.start()

    def close(self) -> None:
        """End the processes."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().kill()

    def index(self, jobs: Iterable[Job], progress: Callable[[int], None]) -> Iterator[Portion]:
        """Yield what the blobs hold, in any order, reading only a little ahead.

        Args:
            jobs: numbered as they come; what neither grammar nor lines can be read of is left out.
            progress: called with the number of blobs that were read.

        Raises:
            UsageError: no process can run.
        """
        try:
            with contextlib.closing(self._in_turn(self._index, jobs)) as results:
                for done, portions in results:
                    progress(done)
                    yield from portions
            yield from self._threads.map(_Worker.finish, list(self._idle.queue))
        finally:
            for worker in list(self._idle.queue):
                worker.forget()

    def links(self, jobs: Iterable[Job]) -> Iterator[Links]:
        """Yield what each blob says of others; nothing of one that cannot be read in time.

        Raises:
            UsageError: no process can run.
        """
        with contextlib.closing(self._in_turn(lambda _, batch: self._links(batch), jobs)) as results:
            for links in results:
                yield from links

    def outline(self, job: Job) -> list[Outlined]:
        """Return the definitions and imports of a text; see `live.outline_of`.

        Raises:
            UsageError: no process can run.
        """
        with self._worker() as worker:
            answers = list(self._ask(worker, "outline", [job]))
            return [outlined for answer in answers if isinstance(answer, list) for outlined in answer]

    def _in_turn(self, work: Callable[[int, Sequence[Job]], _T], jobs: Iterable[Job]) -> Generator[_T]:
        """Yield what batches give, reading a little ahead; `work` gets the number of a batch's first job."""
        pending: deque[Future[_T]] = deque()
        first = 0
        try:
            for batch in _batches(jobs):
                pending.append(self._threads.submit(work, first, batch))
                first += len(batch)
                if len(pending) > 2 * self._count:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            wait(pending)

    def _index(self, first: int, batch: Sequence[Job]) -> tuple[int, list[Portion]]:
        """Return how many blobs are read by now, and what was lost or is complete."""
        with self._worker() as worker:
            for number, answer in enumerate(self._ask(worker, "index", batch), first):
                if isinstance(answer, Indexed):
                    worker.portion.rows[number] = answer
            worker.size += sum(len(data) for _, data in batch)
            full = worker.size >= _PORTION or len(worker.portion.rows) > MOST_DOCUMENTS - _BATCH_FILES
            return first + len(batch), [*worker.take_lost(), *([worker.finish()] if full else [])]

    def _links(self, batch: Sequence[Job]) -> list[Links]:
        with self._worker() as worker:
            answers = self._ask(worker, "links", batch)
            return [each if isinstance(each, Links) else Links({}, {}, [], []) for each in answers]

    @contextlib.contextmanager
    def _worker(self) -> "Generator[_Worker]":
        worker = self._idle.get()
        try:
            yield worker
        finally:
            self._idle.put(worker)

    def _ask(self, worker: "_Worker", what: str, batch: Sequence[Job]) -> "Iterator[_Answer | None]":
        """Yield an answer for each job: parsed; where that fails, line by line; where that fails, None."""
        done, parse = 0, True
        while done < len(batch):
            rest = [(job, hash(job) not in self._feared) for job in batch[done:]]
            rest[0] = rest[0][0], rest[0][1] and parse
            found = 0
            for answer in worker.ask(what, rest):
                yield answer
                found += 1
            done += found
            if done < len(batch):
                parse = not parse and not found  # else the next one is read by lines
                self._feared.add(hash(batch[done]))
                if parse:
                    yield None
                    done += 1


class _Worker:
    """One process, started when asked and again after it was killed."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._slack = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._lost: list[Portion] = []
        self.portion = Portion()
        self.size = 0

    def ask(self, what: str, batch: Sequence[tuple[Job, bool]]) -> "Iterator[_Answer]":
        """Yield answers in order; they end early where the process died or was killed at the timeout.

        Args:
            what: `index`, `links` or `outline`.
            batch: at least one job, and whether it is parsed.

        Raises:
            UsageError: no process can run.
        """
        files = [[language, parse, len(data)] for (language, data), parse in batch]
        answered = False
        try:
            with contextlib.suppress(OSError, ValueError):
                answers = self._send([what, self._timeout, files], [data for (_, data), _ in batch])
                for _ in batch:
                    answers.deadline = time.monotonic() + self._timeout + self._slack
                    yield _decode(what, answers)
                    self._slack = 0.0
                answered = True
        finally:
            if not answered:  # an interrupt, too, leaves answers that nobody waits for
                self.kill()

    def finish(self) -> Portion:
        """Return what was read since the last time, with the segment of it; lost when the process dies."""
        portion = self.portion
        if portion.rows:
            try:
                answers = self._send(["segment", _SEGMENT_SECONDS, []], [])
                answers.deadline = time.monotonic() + _SEGMENT_SECONDS
                portion.segment = answers.take(int(answers.line()))
            except (OSError, ValueError):
                self.kill()
        self.forget()
        return portion

    def take_lost(self) -> list[Portion]:
        """Return what was read by processes that were killed since the last time."""
        lost, self._lost = self._lost, []
        return lost

    def forget(self) -> None:
        """Begin a new portion; a process that holds words of this one begins anew."""
        if self.portion.rows and self.portion.segment is None:
            self.kill()
        self._lost, self.portion, self.size = [], Portion(), 0

    def kill(self) -> None:
        """End the process, whatever it does."""
        process, self._process, self._ready = self._process, None, False
        if self.portion.rows:
            self._lost.append(self.portion)
        self.portion, self.size = Portion(), 0
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError), process:  # closing flushes into a pipe that nobody reads
                pass

    def start(self) -> subprocess.Popen[bytes]:
        """Return the process; it need not be ready. Raises UsageError where none can be started."""
        if self._process is None:
            self._slack = _START_SECONDS
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _PROGRAM],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,  # until it is ready
                    env=os.environ | _ONE_THREAD,
                    start_new_session=True,  # an interrupt at the terminal is the parent's to handle
                )
            except OSError as exc:
                raise _cannot_run(str(exc)) from exc
        return self._process

    def _send(self, header: list[object], blobs: list[bytes]) -> "_Reader":
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        answers = _Reader(process.stdout.fileno())
        if not self._ready:
            self._await(process, answers)
        process.stdin.write(b"".join((json.dumps(header).encode(), b"\n", *blobs)))
        process.stdin.flush()
        return answers

    def _await(self, process: subprocess.Popen[bytes], answers: "_Reader") -> None:
        """Wait until the process is ready. Raises UsageError where it ends before: no file is to blame."""
        answers.deadline = time.monotonic() + _START_SECONDS
        try:
            answers.line()
        except (OSError, ValueError) as exc:
            late = f"it did not start within {_START_SECONDS:.0f} seconds"
            why = _last_words(process) or (late if isinstance(exc, TimeoutError) else "it ended at once")
            self.kill()
            raise _cannot_run(why) from exc
        self._ready = True


def _last_words(process: subprocess.Popen[bytes]) -> str:
    """End a process and return the last line that it wrote to its standard error."""
    assert process.stderr is not None
    process.kill()
    lines = process.stderr.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _cannot_run(why: str) -> UsageError:
    return UsageError(
        f"no parser process can run here ({why}): allow more processes and memory (ulimit -u, ulimit -v), or "
        "repair this installation"
    )


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


def _decode(what: str, answers: _Reader) -> _Answer:
    """Read one answer. Raises ValueError when it is malformed."""
    header: list[Any]
    header, sizes = json.loads(answers.line())
    parts = [answers.take(size) for size in sizes]
    if what == "links":
        return decode_links(parts[0])
    if what == "outline":
        return decode_outline(parts[0])
    document, state, symbol_count, generated = header
    symbols, imports = parts
    if state not in get_args(State):
        raise ValueError("the answer is malformed")
    return Indexed(int(document), state, int(symbol_count), bool(generated), symbols, imports.decode())


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
