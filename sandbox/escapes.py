"""What hostile code tries, as a program of its own inside a sandbox: `escapes.py ATTEMPT ARGUMENT…`.

It imports nothing of ours and prints `escaped: …` for each thing that succeeded, and `tried` at its end, so
that an attempt that broke down is told apart from one that was blocked.
"""

import ctypes
import errno
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["main"]

_MIB = 2**20

_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000
"""Flags of unshare (linux/sched.h)."""

_TYPE_INTO_TERMINAL = 0x5412
"""TIOCSTI (asm-generic/ioctls.h)."""

_SYSTEM_CALLS = {
    "ptrace": ((101, 117), (0, 0, 0, 0)),
    "process_vm_readv": ((310, 270), (1, 0, 0, 0, 0, 1)),
    "io_uring_setup": ((425, 425), (0, 0)),
    "keyctl": ((250, 219), (0, 0, 0, 0, 0)),
    "add_key": ((248, 217), (0, 0, 0, 0, 0)),
    "bpf": ((321, 280), (1 << 20, 0, 0)),
    "perf_event_open": ((298, 241), (0, 0, -1, -1, 0)),
    "userfaultfd": ((323, 282), (1,)),
    "mount": ((165, 40), (0, 0, 0, 0, 0)),
    "fsopen": ((430, 430), (0, 0)),
    "ioctl": ((16, 29), (0, _TYPE_INTO_TERMINAL, 0)),
}
"""Numbers on (x86-64, AArch64), and arguments that do no harm where the call is let through."""

_FORBIDDEN = (errno.EPERM, errno.EACCES, errno.ENOSYS)

_libc = ctypes.CDLL(None, use_errno=True)


def main(attempt: str, *arguments: str) -> None:
    """Try one thing."""
    _ATTEMPTS[attempt](*arguments)
    _say("tried")


def _say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def _try(what: str, act: Callable[[], object]) -> None:
    with suppress(OSError):
        act()
        _say(f"escaped: {what}")


def _write(*paths: str) -> None:
    for path in paths:
        for what, act in _writes(Path(path)):
            _try(f"{what} {path}", act)


def _writes(path: Path) -> tuple[tuple[str, Callable[[], object]], ...]:
    beside = path.parent / f"{path.name}.new"
    return (
        ("opened for writing", lambda: os.close(os.open(path, os.O_WRONLY))),
        ("created beside", lambda: beside.write_text("escaped", encoding="ascii")),
        ("overwrote", lambda: path.write_text("escaped", encoding="ascii")),
        ("removed", path.unlink),
    )


def _modes(path: str) -> None:
    _try(f"changed the mode of {path}", lambda: os.chmod(path, 0o777))  # noqa: PTH101
    _try(f"changed the times of {path}", lambda: os.utime(path, (0, 0)))


def _open(*paths: str) -> None:
    """Open for writing, and write nothing: on a machine without a sandbox nothing is changed."""
    for path in paths:
        _try(f"opened {path} for writing", lambda path=path: os.close(os.open(path, os.O_WRONLY)))


def _read(*paths: str) -> None:
    for path in paths:
        look = (lambda p=path: list(os.scandir(p))) if path.endswith("/") else (lambda p=path: _head(p))
        _try(f"read {path}", look)


def _head(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, 1)
    finally:
        os.close(handle)


def _links(target: str) -> None:
    """Write through a symbolic link, and get a second name for a file outside."""
    _try("linked to a file outside", lambda: os.link(target, "hard"))
    Path("soft").symlink_to(target)
    Path("above").symlink_to(Path(target).parent)
    for name in ("soft", f"above/{Path(target).name}", f"above/../{Path(target).parent.name}/new"):
        _try(f"wrote through {name}", lambda name=name: Path(name).write_text("escaped", encoding="ascii"))


def _git() -> None:
    """Plant a hook, a setting and another repository."""
    hook, aside = Path(".git/hooks/pre-commit"), Path("aside")
    _try("planted a hook", lambda: hook.write_text("#!/bin/sh\n", encoding="ascii"))
    with suppress(OSError), Path(".git/config").open("a", encoding="ascii") as file:
        file.write("[core]\n\tfsmonitor = evil\n")
        _say("escaped: changed the configuration")
    _try("moved .git away", lambda: Path(".git").rename(aside))
    _try("put another .git in its place", lambda: aside.mkdir() or aside.rename(".git"))


def _environment(secret: str) -> None:
    """Look for a secret in the environment; it arrives in two parts, not to be found in the arguments."""
    wanted = secret.replace("+", "").encode()
    if any(wanted in value.encode() for value in os.environ.values()):
        _say("escaped: the environment was handed on")
    for process in _processes():
        with suppress(OSError):
            if wanted in Path(f"/proc/{process}/environ").read_bytes():
                _say(f"escaped: read the environment of process {process}")


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _see(marker: str) -> None:
    """Look for the arguments of a process outside."""
    wanted = marker.replace("+", "").encode()
    for process in _processes():
        with suppress(OSError):
            if wanted in Path(f"/proc/{process}/cmdline").read_bytes():
                _say(f"escaped: read the arguments of process {process}")


def _signal(process: str) -> None:
    _try(f"killed process {process}", lambda: os.kill(int(process), 9))


def _connect(family: str, kind: str, address: str, port: str) -> None:
    where = (address, int(port)) if family == "AF_INET" else address.replace("@", "\0")
    with suppress(OSError), socket.socket(getattr(socket, family), getattr(socket, kind)) as out:
        out.settimeout(3)
        out.connect(where)
        out.send(b"out")  # what arrives is seen outside


def _terminal(path: str) -> None:
    """Write to a terminal of the user's."""

    def act() -> None:
        handle = os.open(path, os.O_WRONLY | os.O_NOCTTY)
        os.write(handle, b"escaped")

    _try(f"wrote to {path}", act)
    _try("opened the terminal that started us", lambda: os.open("/dev/tty", os.O_RDWR))


def _call(name: str) -> None:
    """Make a system call: every answer but a refusal says that the kernel heard it."""
    numbers, arguments = _SYSTEM_CALLS[name]
    number = numbers[0 if os.uname().machine == "x86_64" else 1]
    answer = _libc.syscall(ctypes.c_long(number), *(ctypes.c_long(value) for value in arguments))
    failed = ctypes.get_errno() if answer < 0 else 0
    if failed not in _FORBIDDEN:
        _say(f"escaped: {name} was heard ({errno.errorcode.get(failed, 'no error')})")


def _namespaces() -> None:
    """Become root in a user namespace of one's own, and mount there."""

    def unshare() -> None:
        if _libc.unshare(_NEW_USER | _NEW_MOUNTS) < 0:
            raise OSError(ctypes.get_errno(), "unshare")

    _try("made a user namespace", unshare)


def _privileges() -> None:
    """Look for what is left to gain by a set-uid program, and for capabilities."""
    fields = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
    )
    if fields["NoNewPrivs"] != "1":
        _say("escaped: set-uid programs work")
    if int(fields["CapEff"], 16) | int(fields["CapPrm"], 16) | int(fields["CapBnd"], 16) and os.getuid() == 0:
        _say("escaped: root has capabilities")


def _fork(count: str, seconds: str) -> None:
    children: list[int] = []
    with suppress(OSError):
        for _ in range(int(count)):
            child = os.fork()
            if child == 0:
                time.sleep(float(seconds))
                os._exit(0)
            children.append(child)
        time.sleep(float(seconds))
        _say(f"escaped: {count} processes ran")


def _memory(mebibytes: str, seconds: str) -> None:
    with suppress(MemoryError):
        held = [bytearray(os.urandom(1) * _MIB) for _ in range(int(mebibytes))]
        time.sleep(float(seconds))
        _say(f"escaped: held {len(held)} MiB")


def _fill(place: str, files: str, mebibytes: str, seconds: str) -> None:
    """Fill a folder with files that lose their names, so that nothing stays behind."""
    with suppress(OSError):
        folder = Path.cwd() if place == "workspace" else Path(tempfile.gettempdir())
        held = [tempfile.TemporaryFile(dir=folder) for _ in range(int(files))]  # noqa: SIM115 - all at once
        for file in held:
            for _ in range(int(mebibytes)):
                file.write(os.urandom(_MIB))
                file.flush()
        time.sleep(float(seconds))
        _say(f"escaped: {len(held)} files of {mebibytes} MiB")


def _large(mebibytes: str) -> None:
    """Make one large file that takes no space."""
    with suppress(OSError), tempfile.TemporaryFile(dir=Path.cwd()) as file:
        os.ftruncate(file.fileno(), int(mebibytes) * _MIB)
        _say(f"escaped: a file of {mebibytes} MiB")


def _daemon(way: str, seconds: str) -> None:
    """Leave the process group and go on writing; `ticks` grows for as long as that lives."""
    if os.fork() == 0:
        os.setsid()
        if way == "double fork" and os.fork() > 0:
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        _tick(seconds)
        os._exit(0)
    while not Path("ticks").exists():
        time.sleep(0.01)


def _ignore(seconds: str) -> None:
    """Ignore every signal that can be ignored."""
    import signal

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    _tick(seconds)


def _tick(seconds: str) -> None:
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        with Path("ticks").open("ab") as file:
            file.write(b"x")
        time.sleep(0.02)


def _stdin() -> None:
    os.read(0, 1)


def _flood(mebibytes: str) -> None:
    _say("first")
    for _ in range(int(mebibytes)):
        os.write(1, b"x" * _MIB)
    _say("\nlast")


_ATTEMPTS: "dict[str, Callable[..., None]]" = {
    "write": _write,
    "modes": _modes,
    "open": _open,
    "read": _read,
    "links": _links,
    "git": _git,
    "environment": _environment,
    "see": _see,
    "signal": _signal,
    "connect": _connect,
    "terminal": _terminal,
    "call": _call,
    "namespaces": _namespaces,
    "privileges": _privileges,
    "fork": _fork,
    "memory": _memory,
    "fill": _fill,
    "large": _large,
    "daemon": _daemon,
    "ignore": _ignore,
    "tick": _tick,
    "stdin": _stdin,
    "flood": _flood,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
