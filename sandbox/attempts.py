"""Attempts to get out of a sandbox, and how it would be seen from outside that one got out."""

import asyncio
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from moot.agent.core.commands import Command, CommandResult
from moot.agent.core.errors import SandboxUnavailable
from moot.agent.core.ports import Sandbox
from moot.sandbox import escapes
from moot.sandbox.limits import Limits

__all__ = [
    "HOLD",
    "LIFE",
    "SMALL",
    "Attempt",
    "Inconclusive",
    "Make",
    "Site",
    "abstract",
    "environment",
    "flood",
    "git",
    "inside",
    "killed_supervisor",
    "network",
    "other_arguments",
    "other_environment",
    "signals",
    "state",
    "stdin",
    "survivor",
    "terminal",
]

Make = Callable[[Limits], Sandbox]

_MIB = 2**20
SMALL = Limits(memory=128 * _MIB, processes=32, disk=32 * _MIB)
"""What the bombs meet: little, so that a sandbox without limits survives them as well."""

_OUTPUT = 20_000
HOLD = "3"
"""Seconds for which a bomb keeps what it got: a limit may be found by looking, ten times a second."""

LIFE = "6"
"""Seconds after which what survived its command ends by itself."""

_SUPERVISOR = """
import asyncio, os, sys
from pathlib import Path
from moot.agent.core.commands import Command
from moot.sandbox.choose import choose
name, terminal, workspace, *argv = sys.argv[1:]
if terminal:
    os.open(terminal, os.O_RDWR)
print(asyncio.run(choose(name).run(Command(tuple(argv), Path(workspace), timeout=30))).stdout)
"""
"""A program that runs one command in a sandbox: in a terminal, or to be killed."""


class Inconclusive(Exception):
    """An attempt broke down by itself, so that nothing is known."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where an escape is tried.

    Attributes:
        make: makes the sandbox.
        workspace: the folder that the command may write.
        outside: a folder beside it, open to all users of the machine but not to the command.
    """

    make: Make
    workspace: Path
    outside: Path

    async def run(
        self, *words: str, limits: Limits | None = None, seconds: float = 30.0, shown: tuple[Path, ...] = ()
    ) -> CommandResult:
        """Run an attempt; `shown` is asked to be visible."""
        command = Command(
            _program(*words), self.workspace, timeout=seconds, output_limit=_OUTPUT, read_only=shown
        )
        return await self.make(limits or Limits()).run(command)

    async def said(
        self, *words: str, limits: Limits | None = None, shown: tuple[Path, ...] = ()
    ) -> list[str]:
        """Run an attempt; return what it says has escaped."""
        return _said(await self.run(*words, limits=limits, shown=shown))


Attempt = Callable[[Site], Awaitable[list[str]]]


def _program(*words: str) -> tuple[str, ...]:
    return ("python3", "-I", "-S", "-c", Path(escapes.__file__).read_text(encoding="utf-8"), *words)


def _said(result: CommandResult) -> list[str]:
    lines = result.stdout.splitlines()
    if "tried" not in lines and result.killed is None:
        raise Inconclusive(f"exit code {result.exit_code}: {result.stderr.strip()[-500:]}")
    return [line for line in lines if line.startswith("escaped")]


def state(folder: Path) -> list[tuple[str, int, int, bytes]]:
    """Return names, modes, owners and contents of all files below a folder."""
    return [
        (str(path), path.lstat().st_mode, path.lstat().st_uid, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
        if not path.is_socket()
    ]


# --- attempts -------------------------------------------------------------------------------


def inside(*words: str, limits: Limits | None = None, shown: tuple[str, ...] = ()) -> Attempt:
    """Run an attempt that itself sees what it got; `shown` are places that are asked to be visible."""

    async def attempt(site: Site) -> list[str]:
        places = {"outside": str(site.outside), "home": str(Path.home())}
        visible = tuple(Path(place.format(**places)) for place in shown)
        return await site.said(*(word.format(**places) for word in words), limits=limits, shown=visible)

    return attempt


async def git(site: Site) -> list[str]:
    """Plant a hook and settings, and see whether the repository changed."""
    repository = site.workspace / ".git"
    (repository / "hooks").mkdir(parents=True)
    (repository / "config").write_text("[core]\n", encoding="ascii")
    for path in (repository, *repository.rglob("*")):
        path.chmod(0o777)
    before = state(repository)
    try:
        evidence = await site.said("git")
    except SandboxUnavailable:  # it may refuse such a workspace
        evidence = []
    return evidence + ([] if state(repository) == before else [".git was changed"])


def network(family: str, kind: str, shown: bool = False) -> Attempt:
    """Send to a port or a socket of ours, and see whether anything arrives.

    With `shown` the socket's folder is asked to be visible.
    """

    async def attempt(site: Site) -> list[str]:
        with socket.socket(getattr(socket, family), getattr(socket, kind)) as server:
            server.settimeout(0.2)
            address, port = _bind(server, site.outside)
            visible = (site.outside,) if shown else ()
            await site.said("connect", family, kind, address, port, shown=visible)
            with suppress(TimeoutError):
                server.accept()[0].close() if kind == "SOCK_STREAM" else server.recv(10)
                return [f"a packet reached {address}"]
        return []

    return attempt


def _bind(server: socket.socket, folder: Path, name: str = "") -> tuple[str, str]:
    if server.family == socket.AF_INET:
        server.bind(("127.0.0.1", 0))
    else:
        server.bind(name or str(folder / "socket"))
    if server.type == socket.SOCK_STREAM:
        server.listen()
    where: tuple[str, int] | str | bytes = server.getsockname()
    if isinstance(where, tuple):
        return where[0], str(where[1])
    if isinstance(where, str):
        Path(where).chmod(0o777)
        return where, ""
    return where.decode().replace("\0", "@"), ""


async def abstract(site: Site) -> list[str]:
    """Connect to a socket without a file."""
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(0.2)
        address, port = _bind(server, site.outside, f"\0moot-{secrets.token_hex(8)}")
        await site.said("connect", "AF_UNIX", "SOCK_STREAM", address, port)
        with suppress(TimeoutError):
            server.accept()[0].close()
            return ["an abstract socket was reached"]
    return []


async def environment(site: Site) -> list[str]:
    """Look for a secret of our own environment."""
    secret = secrets.token_hex(8)
    os.environ["MOOT_CONFORMANCE"] = secret
    try:
        return await site.said("environment", f"{secret[:8]}+{secret[8:]}")
    finally:
        del os.environ["MOOT_CONFORMANCE"]


async def other_environment(site: Site) -> list[str]:
    """Look for a secret in a bystander's environment."""
    secret = secrets.token_hex(8)
    async with _bystander(secret="", env={"SECRET": secret}):
        return await site.said("environment", f"{secret[:8]}+{secret[8:]}")


async def other_arguments(site: Site) -> list[str]:
    """Look for a secret in a bystander's arguments."""
    secret = secrets.token_hex(8)
    async with _bystander(secret):
        return await site.said("see", f"{secret[:8]}+{secret[8:]}")


async def signals(site: Site) -> list[str]:
    """Kill a bystander."""
    async with _bystander() as process:
        evidence = await site.said("signal", str(process.pid))
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await process.wait()
        return evidence + ([] if process.returncode is None else ["a process outside was killed"])


@asynccontextmanager
async def _bystander(
    secret: str = "", env: dict[str, str] | None = None
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start a process of the user's that has nothing to do with the sandbox."""
    wait = ("sh", "-c", "read line", f"token={secret}")
    process = await asyncio.create_subprocess_exec(
        *wait, env={"PATH": os.defpath} | (env or {}), stdin=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def terminal(site: Site) -> list[str]:
    """Write to the terminal of whoever started the sandbox."""
    with _open_terminal() as (ours, path), ExitStack() as stack:
        process = await _supervised(site, path, *_program("terminal", path))
        stack.callback(_end, process)
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        if b"tried" not in out:
            raise Inconclusive(f"the supervisor ended with {process.returncode}")
        evidence = [line for line in out.decode().splitlines() if line.startswith("escaped")]
        with suppress(BlockingIOError):
            evidence += [f"the terminal shows {os.read(ours, 100)!r}"]
        return evidence


@contextmanager
def _open_terminal() -> Generator[tuple[int, str]]:
    ours, theirs = os.openpty()
    try:
        os.set_blocking(ours, False)
        Path(os.ttyname(theirs)).chmod(0o666)
        yield ours, os.ttyname(theirs)
    finally:
        os.close(ours)
        os.close(theirs)


async def _supervised(site: Site, terminal: str, *argv: str) -> asyncio.subprocess.Process:
    """Run a command in the sandbox of another process of ours."""
    name = site.make(Limits()).name
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", _SUPERVISOR, name, terminal, str(site.workspace), *argv),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)


async def killed_supervisor(site: Site) -> list[str]:
    """Kill whoever started the sandbox, and see whether the command goes on."""
    process = await _supervised(site, "", *_program("tick", LIFE))
    ticks = site.workspace / "ticks"
    try:
        deadline = time.monotonic() + 30
        while not ticks.exists() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process writes
            await asyncio.sleep(0.02)
    finally:
        _end(process)
        await process.wait()
    return await _still_running(ticks)


def survivor(*words: str, seconds: float = 30.0) -> Attempt:
    """Run what tries to outlive its command."""

    async def attempt(site: Site) -> list[str]:
        await site.run(*words, seconds=seconds)
        return await _still_running(site.workspace / "ticks")

    return attempt


async def _still_running(ticks: Path) -> list[str]:
    if not ticks.exists():
        raise Inconclusive("what should have gone on did not begin")
    await asyncio.sleep(0.1)
    before = ticks.stat().st_size
    await asyncio.sleep(0.4)
    return [] if ticks.stat().st_size == before else ["a process outlived its command"]


async def stdin(site: Site) -> list[str]:
    """Read from standard input."""
    result = await site.run("stdin", seconds=5.0)
    return ["it waited for input"] if result.timed_out else _said(result)


async def flood(site: Site) -> list[str]:
    """Print without end; the head and the tail must be kept."""
    result = await site.run("flood", "4")
    lines = result.stdout.splitlines()
    kept = len(result.stdout) < 2 * _OUTPUT and "bytes left out" in result.stdout
    return [] if kept and lines[0] == "first" and lines[-2:] == ["last", "tried"] else ["all output was kept"]
