"""What a command may use, and the part of it that the kernel holds for each single process."""

import os
from dataclasses import dataclass, field

__all__ = ["BASE_PATH", "Limits", "hard_processes", "limited", "rlimits"]

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


def limited(argv: tuple[str, ...], cwd: str, limits: Limits) -> tuple[str, ...]:
    """Return a command that lowers its own limits, enters a folder and becomes `argv`.

    A shell does it inside the sandbox, so that the limit on processes counts the sandbox's own alone.
    A missing program ends with 127 and one that cannot be started with 126, as in any shell.
    dash calls the limit on processes `-p`, where other shells say `-u`.
    """
    each = rlimits(limits)
    script = (
        f"ulimit -c {each['RLIMIT_CORE']}; ulimit -f {max(1, each['RLIMIT_FSIZE'] // _BLOCK)}; "
        f"ulimit -n {each['RLIMIT_NOFILE']}; ulimit -d {each['RLIMIT_DATA'] // 1024}; "
        f"ulimit -p {hard_processes(limits)} || ulimit -u {hard_processes(limits)}; "
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
