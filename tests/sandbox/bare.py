"""A command without any sandbox at all: what every check of the escapes has to be able to see."""

import asyncio
import os
import signal
import tempfile
import time
from types import MappingProxyType

from moot.agent.core.commands import Command, CommandResult


class Bare:
    """Inherits environment, standard input and session; asks to end by SIGTERM, and keeps all output."""

    name = "bare"
    mounts = False
    gaps = MappingProxyType({})

    async def run(self, command: Command) -> CommandResult:
        return await asyncio.to_thread(_run, command)


def _run(command: Command) -> CommandResult:
    """Wait at most for the timeout; what then ignores the signal is left alone, which subprocess minds."""
    started = time.monotonic()
    place = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(command.workspace))
    read, write = os.pipe()
    try:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            streams = [
                (os.POSIX_SPAWN_DUP2, handle, at)
                for at, handle in enumerate((read, out.fileno(), err.fileno()))
            ]
            process = os.posix_spawnp("sh", [*place, *command.argv], os.environ, file_actions=streams)
            code = _wait(process, command.timeout)
            if code is None:
                os.kill(process, signal.SIGTERM)
                _wait(process, 0.2)
                return CommandResult(143, "", "", time.monotonic() - started, "timeout")
            texts = [os.pread(each.fileno(), 10_000_000, 0).decode() for each in (out, err)]
            return CommandResult(code, *texts, time.monotonic() - started)
    finally:
        os.close(read)
        os.close(write)


def _wait(process: int, seconds: float) -> int | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None
