"""Resource limits, set by a shell inside the sandbox so that they count its processes alone."""

import os

__all__ = ["BASE_PATH", "limited"]

BASE_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

_FILES = 4_096
_PROCESSES = 2_048
_FILE_BLOCKS = 8 * 2**21
"""Largest file that may be written: 8 GiB in blocks of 512 bytes."""


def limited(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command that lowers its own limits and becomes `argv`.

    A missing program ends with 127 and one that cannot be started with 126, as in any shell.
    dash calls the limit on processes `-p`, where other shells say `-u`.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    script = (
        f"ulimit -c 0; ulimit -f {_FILE_BLOCKS}; ulimit -n {_FILES}; ulimit -d {memory}; "
        f"ulimit -p {_PROCESSES} || ulimit -u {_PROCESSES}; "
    )
    return ("/bin/sh", "-c", f'{{ {script}}} 2>/dev/null; exec "$@"', "sh", *argv)
