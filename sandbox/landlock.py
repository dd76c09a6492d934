"""Confines commands with Landlock and seccomp, where the namespaces of bubblewrap are forbidden."""

import asyncio
import ctypes
import json
import os
import socket
import stat
import sys
import tempfile
import threading
import weakref
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from moot.agent.core.commands import Command, CommandResult
from moot.agent.core.errors import SandboxUnavailable
from moot.agent.core.folders import remove
from moot.agent.core.private import public
from moot.sandbox import launcher
from moot.sandbox.limits import BASE_PATH, Limits, hard_processes, rlimits
from moot.sandbox.paths import CONFIGURATION, SYSTEM
from moot.sandbox.process import supervise
from moot.sandbox.seccomp import filter_program, machine
from moot.sandbox.user import give, spare_user
from moot.sandbox.watchdog import Scope, Watchdog

__all__ = ["Landlock", "abi_version"]

_CREATE_RULESET, _VERSION = 444, 1

# Rights, from linux/landlock.h, with the version of the interface that brought them.
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_CHANGE = 0b1_0111_1011_0000
"""Remove folders and files; make folders, files, sockets, pipes and links, but no devices."""

_DEVICES = 1 << 6 | 1 << 11
_REFER, _TRUNCATE, _CONTROL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_SINCE = {_REFER: 2, _TRUNCATE: 3, _CONTROL_DEVICE: 5}
_TCP, _TCP_SINCE = 0b11, 4
_SCOPES, _SCOPES_SINCE = 0b11, 6
"""Abstract sockets, and signals to processes outside."""

_LOOK = _EXECUTE | _READ | _LIST
_OWN = _LOOK | _WRITE | _CHANGE | _REFER | _TRUNCATE
_ALL = _OWN | _DEVICES | _CONTROL_DEVICE

_MINIMUM_AS_ROOT = 3
"""Before version 3 files outside could be emptied."""

_MINIMUM = 6
"""Before version 6 a command could signal all processes of its user, who is another one when we are root."""

_SCOPE = Scope(cgroup=True)

_GAPS: Mapping[str, str] = {
    "arguments of others": "without a namespace of its own it sees the machine's processes in "
    "/proc, which programs need; their arguments are open to every user, their environments are not",
}
_GAPS_AS_THE_USER: Mapping[str, str] = {
    "modes and times outside": "Landlock has no right for chmod, chown and utime: a command can change who "
    "may use your files, and their times, wherever it knows their paths; run as root, it is another user",
}
"""Beside the others, where commands run as the user."""

_DEVICE_FILES = ("null", "zero", "full", "random", "urandom")


def abi_version() -> int:
    """Return the version of Landlock in this kernel; 0 when it is missing or disabled."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(
        0, libc.syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION))
    )


class Landlock:
    """Runs each command with rules on files, no sockets, and a supervisor that adopts its orphans."""

    def __init__(self, limits: Limits | None = None, abi: int | None = None) -> None:
        """Check what the kernel has.

        Args:
            limits: what each command may use.
            abi: version of Landlock to be content with; by default the kernel's.

        Raises:
            SandboxUnavailable: it is not enough to confine commands.
        """
        self._limits = limits or Limits()
        self._abi = min(abi_version(), abi if abi is not None else sys.maxsize)
        self._user = spare_user()
        minimum = _MINIMUM if self._user is None else _MINIMUM_AS_ROOT
        if self._abi < minimum:
            raise SandboxUnavailable(_too_old(self._abi, minimum))
        target = machine()
        if target is None:
            raise SandboxUnavailable(
                f"no filter of system calls is known for {os.uname().machine} processors"
            )
        self._filter = filter_program(target, namespaces=False)
        self._launcher = _Launcher()

    @property
    def name(self) -> str:
        """The setting that chooses it."""
        return "landlock"

    @property
    def mounts(self) -> bool:
        """It has no mounts of its own."""
        return False

    @property
    def gaps(self) -> Mapping[str, str]:
        """See `Sandbox.gaps`."""
        return _GAPS if self._user is not None else {**_GAPS, **_GAPS_AS_THE_USER}

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to a limit; every process of the command is dead on return.

        Raises:
            SandboxUnavailable: the command needs what Landlock cannot do, or could not be confined.
        """
        _refuse(command, self._user)
        user = self._user
        if user is not None:
            await asyncio.to_thread(give, command.workspace, user)
        with _scratch(user) as scratch:
            plan = self._plan(command, scratch, user)
            watchdog = Watchdog(self._limits, (command.workspace, scratch), _SCOPE)
            child = await self._launcher.start(plan)
            try:
                return await supervise(child, command, watchdog)
            finally:
                child.close()

    def _plan(self, command: Command, scratch: Path, user: int | None) -> launcher.Plan:
        env = {"PATH": BASE_PATH, "LANG": "C.UTF-8", **_places(scratch), "PWD": str(command.workspace)}
        rules = [*_rules(command, scratch)]
        return {
            "argv": list(command.argv),
            "env": env | dict(command.env),
            "cwd": str(command.workspace),
            "user": user,
            "rules": [(str(path), self._known(rights)) for path, rights in rules if path.exists()],
            "file_rights": self._known(_EXECUTE | _WRITE | _READ | _TRUNCATE | _CONTROL_DEVICE),
            "handled": (
                self._known(_ALL),
                _TCP if self._abi >= _TCP_SINCE else 0,
                _SCOPES if self._abi >= _SCOPES_SINCE else 0,
            ),
            "rlimits": rlimits(self._limits),
            "processes": hard_processes(self._limits),
            "add_running": user is None,
            "filter": self._filter.hex(),
        }

    def _known(self, rights: int) -> int:
        for right, since in _SINCE.items():
            if self._abi < since:
                rights &= ~right
        return rights


def _too_old(found: int, minimum: int) -> str:
    if found == 0:
        return (
            "the kernel has no Landlock, or it is disabled: add `landlock` to the kernel's `lsm=` parameter"
        )
    return (
        f"the kernel's Landlock has version {found} and {minimum} is needed: use Linux "
        f"{'6.12' if minimum == _MINIMUM else '6.2'} or newer"
    )


def _refuse(command: Command, user: int | None) -> None:
    workspace = command.workspace
    if command.mount not in (None, workspace):
        raise SandboxUnavailable(f"Landlock cannot show the workspace at {command.mount}: use bubblewrap")
    if not workspace.is_absolute() or not workspace.is_dir() or len(workspace.parts) == 1:
        raise SandboxUnavailable(f"{workspace} cannot be confined: it has to be a folder of its own")
    closed = [parent for parent in workspace.parents if not parent.stat().st_mode & stat.S_IXOTH]
    if user is not None and closed:
        raise SandboxUnavailable(
            f"{closed[-1]} is closed to the user that commands run as in place of root: set MOOT_DATA_DIR to "
            "a folder outside it, use bubblewrap, or do not run as root"
        )
    if os.path.lexists(workspace / ".git"):
        raise SandboxUnavailable(
            f"Landlock cannot keep {workspace / '.git'} read-only in a writable folder: use bubblewrap"
        )


def _rules(command: Command, scratch: Path) -> Iterator[tuple[Path, int]]:
    yield from ((Path(place), _LOOK) for place in (*SYSTEM, "/proc"))
    yield from ((Path("/etc", name), _READ | _LIST) for name in CONFIGURATION)
    yield from ((Path("/dev", name), _READ | _WRITE) for name in _DEVICE_FILES)
    yield from ((path, _LOOK) for path in public(command.read_only, command.workspace))
    yield from ((place, _OWN) for place in (command.workspace, scratch))


def _places(scratch: Path) -> dict[str, str]:
    return {"HOME": str(scratch / "home"), "TMPDIR": str(scratch / "tmp")}


@contextmanager
def _scratch(user: int | None) -> Generator[Path]:
    """Make a home and a folder for temporary files, and forget them."""
    folder = Path(tempfile.mkdtemp(prefix="moot-sandbox-"))
    try:
        for place in _places(folder).values():
            Path(place).mkdir(mode=0o700)
        if user is not None:
            give(folder, user)
        yield folder
    finally:
        remove(folder)


class _Launcher:
    """The program that starts commands; it starts with the first one and ends with this object."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    async def start(self, plan: launcher.Plan) -> "_Supervised":
        """Start a command.

        Raises:
            SandboxUnavailable: it could not be confined.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out, their_out = os.pipe()
        err, their_err = os.pipe()
        handles = [_in_memory(json.dumps(plan).encode()), their_out, their_err, theirs.detach()]
        try:
            self._send(handles)
        finally:
            for handle in handles:
                os.close(handle)
        child = _Supervised(ours, await _reader(out), await _reader(err))
        await child.begin()
        return child

    def _send(self, handles: list[int]) -> None:
        with self._lock:
            if self._socket is None:
                self._socket = self._spawn()
            try:
                socket.send_fds(self._socket, [b"\0"], handles)
            except OSError:  # it was killed: another one is as good
                self._socket = self._spawn()
                socket.send_fds(self._socket, [b"\0"], handles)

    def _spawn(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [sys.executable, "-I", "-S", launcher.__file__]
        nothing = (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)
        files = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0), nothing, (os.POSIX_SPAWN_DUP2, 1, 2)]
        with theirs:
            pid = os.posix_spawn(sys.executable, argv, {}, file_actions=files, setsid=True)
        weakref.finalize(self, _stop, ours, pid)
        return ours


def _stop(connection: socket.socket, pid: int) -> None:
    connection.close()
    os.waitpid(pid, 0)


def _in_memory(content: bytes) -> int:
    handle = os.memfd_create("plan")
    with open(handle, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


async def _reader(handle: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(handle, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


class _Supervised:
    """A command under its supervisor, which dies with our end of the connection."""

    def __init__(self, control: socket.socket, out: asyncio.StreamReader, err: asyncio.StreamReader) -> None:
        control.setblocking(False)
        self._control = control
        self._streams = (out, err)
        self._pid = 0

    @property
    def pid(self) -> int:
        """The supervisor, which is the parent of all."""
        return self._pid

    @property
    def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamReader]:
        """Its standard output and standard error."""
        return self._streams

    async def begin(self) -> None:
        """Wait until the command is confined and started."""
        message = await self._hear()
        if "pid" not in message:
            self.close()
            reason = message.get("error", "the launcher failed")
            raise SandboxUnavailable(f"Landlock cannot confine the command ({reason})")
        self._pid = int(message["pid"])

    async def wait(self) -> int:
        """Return the exit code."""
        return int((await self._hear()).get("exit", 128 + 9))

    async def kill(self) -> None:
        """Tell the supervisor, which kills every process of the command."""
        try:
            self._control.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        """Close the connection, after which nothing of the command lives."""
        self._control.close()

    async def _hear(self) -> dict[str, int | str]:
        message = await asyncio.get_running_loop().sock_recv(self._control, 65_536)
        return json.loads(message) if message else {}
