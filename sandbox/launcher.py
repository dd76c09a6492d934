"""Starts commands under Landlock and seccomp: a program of its own, started once with an empty environment.

It is trusted, small, and imports nothing of ours. One process waits for commands on its standard input, a
socket; for each it forks a supervisor, which adopts every orphan of the command and kills all of them when
the command ends, when it is told to, or when whoever asked for the command is dead. Forking a process that
has nothing loaded is quick and safe; starting an interpreter for each command would take longer than most
commands do, and forking the program that asks would copy its threads' locks.
"""

import ctypes
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypedDict

__all__ = ["Plan", "main"]

_NO_NEW_PRIVS, _SECCOMP, _FILTER, _DEATH_SIGNAL, _SUBREAPER, _DROP_BOUNDING = 38, 22, 2, 1, 36, 24
"""Options of prctl (linux/prctl.h)."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _PATH_BENEATH = 444, 445, 446, 1
"""Landlock's system calls, the same on every architecture (linux/landlock.h)."""

_CAPABILITIES = 64
_FAILED, _CANNOT_START, _MISSING = 125, 126, 127
_GRACE = 10.0
"""Seconds after which the supervisor gives up on processes that do not die (in an uninterruptible wait)."""

_libc = ctypes.CDLL(None, use_errno=True)


class Plan(TypedDict):
    """One command, as JSON.

    `rules` are paths with the rights below them, of which a file gets those in `file_rights`; `handled` are
    the rights on files, the network and scopes that are taken away elsewhere. `processes` is above what runs
    already when `add_running` is set, as the kernel counts all of a user's processes together.
    """

    argv: list[str]
    env: dict[str, str]
    cwd: str
    user: int | None
    rules: list[tuple[str, int]]
    file_rights: int
    handled: tuple[int, int, int]
    rlimits: dict[str, int]
    processes: int
    add_running: bool
    filter: str


def main() -> None:
    """Serve until whoever started this closes the socket."""
    requests = socket.socket(fileno=os.dup(0))
    os.chdir("/")
    os.umask(0o022)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, handles, _, _ = socket.recv_fds(requests, 1, 4)
        if not message:
            return
        for handle in handles:
            os.set_inheritable(handle, False)
        if os.fork() == 0:
            requests.close()
            _supervise(*handles)
        for handle in handles:
            os.close(handle)


def _supervise(plan_file: int, out: int, err: int, control_handle: int) -> NoReturn:
    control = socket.socket(fileno=control_handle)
    wake, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _ignore)
    _prctl(_SUBREAPER, 1)
    with os.fdopen(plan_file, "rb") as file:
        plan: Plan = json.load(file)
    ready, failed = os.pipe()
    child = os.fork()
    if child == 0:
        _become(plan, out, err, failed)
    for handle in (out, err, failed):
        os.close(handle)
    problem = os.read(ready, 4_096).decode()
    _tell(control, error=problem) if problem else _tell(control, pid=os.getpid())
    code = _wait(child, wake, control)
    _kill_all()
    _tell(control, exit=code)
    os._exit(0)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Let the wake-up descriptor tell; an ignored signal would not."""


def _wait(child: int, wake: int, control: socket.socket) -> int:
    """Return the command's exit code; that of SIGKILL when the other end of `control` was closed first."""
    while True:
        readable, _, _ = select.select([wake, control], [], [])
        if wake in readable:
            os.read(wake, 4_096)
        for pid, status in _reap():
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
        if control in readable and not control.recv(1):
            return 128 + signal.SIGKILL


def _reap() -> list[tuple[int, int]]:
    """Take the exit status of every process that has ended; orphans of the command come to us as well."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def _kill_all() -> None:
    """Kill all descendants, also while they fork: stopped ones keep their places under the limit."""
    deadline = time.monotonic() + _GRACE
    stopped: set[int] = set()
    while _has_children() and time.monotonic() < deadline:
        found = _descendants(os.getpid())
        new = found - stopped
        for pid in new or found:
            _end(pid, signal.SIGSTOP if new else signal.SIGKILL)
        stopped |= new
        _reap()


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _end(pid: int, number: int) -> None:
    for act in (lambda: resource.prlimit(pid, resource.RLIMIT_NPROC, (0, 0)), lambda: os.kill(pid, number)):
        with suppress(ProcessLookupError, PermissionError):
            act()


def _descendants(root: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found: set[int] = set()
    queue = list(children.get(root, ()))
    while queue:
        pid = queue.pop()
        found.add(pid)
        queue.extend(children.get(pid, ()))
    return found


def _become(plan: Plan, out: int, err: int, failed: int) -> NoReturn:
    """Confine this process and become the command; a failure before that is told through `failed`."""
    try:
        os.setsid()
        for handle, number in ((os.open("/dev/null", os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(handle, number)
        rules = [(os.open(path, os.O_PATH | os.O_CLOEXEC), path, rights) for path, rights in plan["rules"]]
        _drop_user(plan["user"])
        _limit(plan)
        os.chdir(plan["cwd"])
        Path(plan["cwd"]).stat()  # the working directory is kept by its descriptor, also out of reach
        _prctl(_NO_NEW_PRIVS, 1)
        _restrict_files(plan, rules)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        _filter_calls(bytes.fromhex(plan["filter"]))
    except OSError as exc:
        os.write(failed, f"{exc.filename or 'the kernel'}: {exc.strerror}".encode())
        os._exit(_FAILED)
    try:
        os.execvpe(plan["argv"][0], plan["argv"], plan["env"])
    except OSError as exc:
        os.write(2, f"{plan['argv'][0]}: {exc.strerror}\n".encode())
        missing = isinstance(exc, (FileNotFoundError, NotADirectoryError))
        os._exit(_MISSING if missing else _CANNOT_START)


def _drop_user(user: int | None) -> None:
    if user is not None:
        for capability in range(_CAPABILITIES):
            _libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)  # those that the kernel lacks cannot be dropped
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    # After the change of user, which clears it.
    parent = os.getppid()
    _prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_FAILED)


def _limit(plan: Plan) -> None:
    for name, value in plan["rlimits"].items():
        kind = getattr(resource, name)
        _lower(kind, value)
    running = 0
    if plan["add_running"]:
        running = int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[2])
    _lower(resource.RLIMIT_NPROC, plan["processes"] + running)


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _restrict_files(plan: Plan, rules: list[tuple[int, str, int]]) -> None:
    ruleset = _call(_CREATE_RULESET, struct.pack("=QQQ", *plan["handled"]), 24, 0)
    for handle, path, rights in rules:
        allowed = rights if Path(path).is_dir() else rights & plan["file_rights"]
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", allowed, handle), 0)
        os.close(handle)
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _filter_calls(program: bytes) -> None:
    """Load a seccomp filter: struct sock_fprog is a length and a pointer to instructions of 8 bytes."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    _check(_libc.prctl(_SECCOMP, _FILTER, ctypes.c_char_p(header), 0, 0))


def _call(number: int, *arguments: int | bytes) -> int:
    passed = [ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *passed))


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _tell(control: socket.socket, **message: object) -> None:
    with suppress(OSError):  # nobody may be left to hear it
        control.send(json.dumps(message).encode())


if __name__ == "__main__":
    sys.exit(main())
