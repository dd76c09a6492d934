"""One child process: its output capped while it runs, its time bounded, its group killed in the end."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from moot.agent.core.commands import CommandResult

__all__ = ["Launch", "run"]

_CHUNK = 65_536
_GRACE = 5.0
"""Seconds that a killed process gets to be reaped."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start.

    Attributes:
        argv: program and arguments.
        env: the complete environment.
        cwd: where it starts; None means the root folder.
        timeout: seconds of wall time.
        output_limit: bytes kept of each stream.
        pass_fds: descriptors that it inherits.
        kill: ends what has left the process group; None where nothing more can be done.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str | None
    timeout: float
    output_limit: int
    pass_fds: Sequence[int] = ()
    kill: Callable[[], None] | None = None


async def run(launch: Launch) -> CommandResult:
    """Run to the end or to the timeout; whatever happens, also cancellation, the group is dead on return.

    The process is forked by the thread that runs the event loop, which lives as long as this call:
    bubblewrap's `--die-with-parent` follows that thread.

    Raises:
        OSError: the program cannot be started.
    """
    started = time.monotonic()
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
    kept = [_Kept(launch.output_limit), _Kept(launch.output_limit)]
    streams = (process.stdout, process.stderr)
    readers = [
        asyncio.ensure_future(_drain(stream, keep))
        for stream, keep in zip(streams, kept, strict=True)
        if stream is not None
    ]
    timed_out = False
    try:
        async with asyncio.timeout(launch.timeout):
            await process.wait()
    except TimeoutError:
        timed_out = True
    finally:
        await _end(process, launch.kill, readers)
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    return CommandResult(
        exit_code=code if code >= 0 else 128 - code,
        stdout=kept[0].text(),
        stderr=kept[1].text(),
        seconds=time.monotonic() - started,
        timed_out=timed_out,
    )


async def _end(
    process: asyncio.subprocess.Process,
    kill: Callable[[], None] | None,
    readers: Sequence[asyncio.Future[None]],
) -> None:
    """Kill what is left, reap it, and take what it had written."""
    if process.returncode is None and kill is not None:
        kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await process.wait()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    # A process that fled its group may hold the pipes open for ever.
    _, pending = await asyncio.wait(readers, timeout=_GRACE)
    for reader in pending:
        reader.cancel()


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
