"""What a command may use, and the part of it that the kernel holds for each single process."""

import os
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["BASE_PATH", "Limits", "hard_processes", "limited", "rlimits", "running"]

BASE_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

_FILES = 4_096
_BLOCK = 512


def physical_memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _most_of_the_memory() -> int:
    return physical_memory() // 4 * 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on all processes of a command together.

    Attributes:
        memory: bytes; by default three quarters of the machine's, so that the machine stays usable.
        processes: processes and threads; a build on a large machine starts hundreds, a fork bomb all it can.
        disk: bytes that the command may add to the file system of its workspace; also the largest file.
    """

    memory: int = field(default_factory=_most_of_the_memory)
    processes: int = 2_048
    disk: int = 8 * 2**30


def rlimits(limits: Limits) -> dict[str, int]:
    """Return limits by the names of the `resource` module; they hold for each process, not for all."""
    return {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": limits.disk,
        "RLIMIT_NOFILE": _FILES,
        "RLIMIT_DATA": physical_memory(),
    }


def limited(argv: tuple[str, ...], cwd: str, limits: Limits, others: int = 0) -> tuple[str, ...]:
    """Return a command that lowers its own limits, enters a folder and becomes `argv`.

    A shell does it inside the sandbox, so that the limit on processes counts the sandbox's own alone.
    A missing program ends with 127 and one that cannot be started with 126, as in any shell.
    dash calls the limit on processes `-p`, where other shells say `-u`.

    Args:
        argv: the program and its arguments.
        cwd: the folder.
        limits: what the command may use.
        others: processes and threads that the kernel counts beside the command's own.
    """
    each, most = rlimits(limits), hard_processes(limits) + others
    script = (
        f"ulimit -c {each['RLIMIT_CORE']}; ulimit -f {max(1, each['RLIMIT_FSIZE'] // _BLOCK)}; "
        f"ulimit -n {each['RLIMIT_NOFILE']}; ulimit -d {each['RLIMIT_DATA'] // 1024}; "
        f"ulimit -p {most} || ulimit -u {most}; "
    )
    return (
        "/bin/sh",
        "-c",
        f'{{ {script}}} 2>/dev/null; cd "$1" || exit 126; shift; exec "$@"',
        "sh",
        cwd,
        *argv,
    )


def hard_processes(limits: Limits) -> int:
    """Return where the kernel refuses to fork: above the limit, so that it is seen and told when hit."""
    return limits.processes + limits.processes // 4 + 16


def running() -> int:
    """Return how many processes and threads the machine runs: as many as its user's others can be.

    The kernel counts all of a user's together, where there is no user namespace.
    """
    return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[2])
