"""One supervised command: output capped while it runs, time and use bounded, all of it dead in the end."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from moot.agent.core.commands import Command, CommandResult, Killed
from moot.sandbox.watchdog import Watchdog

__all__ = ["Child", "Launch", "Spawned", "supervise"]

_CHUNK = 65_536
_GRACE = 5.0
"""Seconds that a killed process gets to be reaped."""


class Child(Protocol):
    """A started command, whichever way it was started."""

    @property
    def pid(self) -> int:
        """The process from which all others of the command descend."""
        ...

    @property
    def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamReader]:
        """Its standard output and standard error."""
        ...

    async def wait(self) -> int:
        """Return the exit code; 128 and the signal's number when a signal ended it."""
        ...

    async def kill(self) -> None:
        """End every process of the command; harmless when all have ended."""
        ...


async def supervise(child: Child, command: Command, watchdog: Watchdog) -> CommandResult:
    """Wait for the end, the timeout or a limit; all is dead on return, also when cancelled."""
    started = time.monotonic()
    kept = [_Kept(command.output_limit), _Kept(command.output_limit)]
    readers = [
        asyncio.ensure_future(_drain(stream, keep)) for stream, keep in zip(child.streams, kept, strict=True)
    ]
    ends = asyncio.ensure_future(child.wait())
    exceeds = asyncio.ensure_future(watchdog.exceeded(child.pid))
    killed: Killed | None = "timeout"
    try:
        await asyncio.wait({ends, exceeds}, timeout=command.timeout, return_when=asyncio.FIRST_COMPLETED)
        if ends.done():
            killed = None
        elif exceeds.done():
            killed = exceeds.result()
    finally:
        exceeds.cancel()
        code = await _end(child, ends, readers)
        refused = await watchdog.end()
    killed = killed or refused
    note = "" if killed in (None, "timeout") else watchdog.explain(killed)
    return CommandResult(
        exit_code=code,
        stdout=kept[0].text(),
        stderr=kept[1].text() + note,
        seconds=time.monotonic() - started,
        killed=killed,
    )


async def _end(child: Child, ends: asyncio.Future[int], readers: Sequence[asyncio.Future[None]]) -> int:
    """Kill what is left, reap it, and take what it had written."""
    await child.kill()
    await asyncio.wait({ends}, timeout=_GRACE)
    code = ends.result() if ends.done() else 128 + signal.SIGKILL
    ends.cancel()
    # A process that fled its group may hold the pipes open for ever.
    _, pending = await asyncio.wait(readers, timeout=_GRACE)
    for reader in pending:
        reader.cancel()
    return code


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start.

    Attributes:
        argv: program and arguments.
        env: the complete environment.
        cwd: where it starts; None means the root folder.
        pass_fds: descriptors that it inherits.
        kill: ends what has left the process group; None where nothing more can be done.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str | None
    pass_fds: Sequence[int] = ()
    kill: Callable[[], None] | None = None


class Spawned:
    """A child process of this one, in a session and a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process, kill: Callable[[], None] | None) -> None:
        self._process = process
        self._kill = kill

    @classmethod
    async def start(cls, launch: Launch) -> "Spawned":
        """Start it.

        The process is forked by the thread that runs the event loop, which lives as long as this call:
        bubblewrap's `--die-with-parent` follows that thread.

        Raises:
            OSError: the program cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *launch.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(launch.env),
            cwd=launch.cwd or "/",
            pass_fds=launch.pass_fds,
            start_new_session=True,
        )
        return cls(process, launch.kill)

    @property
    def pid(self) -> int:
        """The process from which all others of the command descend."""
        return self._process.pid

    @property
    def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamReader]:
        """Its standard output and standard error."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        return self._process.stdout, self._process.stderr

    async def wait(self) -> int:
        """Return the exit code."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    async def kill(self) -> None:
        """End what has left the group, then the group."""
        if self._process.returncode is None and self._kill is not None:
            self._kill()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._process.wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


async def _drain(stream: asyncio.StreamReader, kept: "_Kept") -> None:
    while chunk := await stream.read(_CHUNK):
        kept.add(chunk)


class _Kept:
    """The head and the tail of a stream, within a limit; bytes between are counted and dropped."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def add(self, chunk: bytes) -> None:
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        if len(self._tail) > self._half + _CHUNK:
            self._cut()

    def text(self) -> str:
        self._cut()
        gap = f"\n… {self._dropped} bytes left out …\n".encode() if self._dropped else b""
        return bytes(self._head + gap + self._tail).decode(errors="replace")

    def _cut(self) -> None:
        extra = len(self._tail) - self._half
        if extra > 0:
            self._dropped += extra
            del self._tail[:extra]
