"""The user that commands run as when we are root: one without a name, a home or any file of its own."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from moot.agent.core.errors import SandboxUnavailable

__all__ = ["give", "has_capabilities", "spare_user"]

_UNUSED = 1_879_048_192
"""First id of a range that no system hands out (systemd's UIDS-GIDS.md); the process id is added."""

_RANGE = 4_194_304
"""Ids of processes end here (PID_MAX_LIMIT), so each process of ours has a user of its own."""

_SMALL = 61_200
"""In a container with 65,536 ids: within systemd's dynamic users, which no package claims."""

_CHOWN, _SETGID, _SETUID = 0, 6, 7
"""Capabilities that the change takes (linux/capability.h)."""

_DEEP = 128
"""Folders below each other that are given; what lies deeper was made by the commands and is theirs."""


def spare_user() -> int | None:
    """Return the id that commands get in place of root; None when we are not root or may not change."""
    if os.geteuid() != 0 or not has_capabilities(_CHOWN, _SETGID, _SETUID):
        return None
    mapped = max((first + count for first, count in _mapped()), default=0)
    if mapped > _UNUSED + _RANGE:
        return _UNUSED + os.getpid()
    return _SMALL + os.getpid() % 4_000 if mapped >= _SMALL + 4_000 else None


def has_capabilities(*wanted: int) -> bool:
    """Tell whether this process has capabilities, by their numbers in linux/capability.h."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            found = int(line.split()[1], 16)
            return all(found >> number & 1 for number in wanted)
    return False


def give(folder: Path, user: int) -> None:
    """Let a user own a folder and all in it, but for a `.git` at its top.

    Each step is taken from an open folder and never through a link: commands that still run in the folder
    cannot lead us to another place. Files with a second name elsewhere are left alone.

    Raises:
        SandboxUnavailable: the folder cannot be given.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(handle).st_uid != user:
                os.fchown(handle, user, user)
            _give_below(handle, user, without=".git")
        finally:
            os.close(handle)
    except OSError as exc:
        raise SandboxUnavailable(f"cannot give {folder} to the sandbox's user: {exc.strerror}") from exc


def _give_below(handle: int, user: int, without: str = "", depth: int = 0) -> None:
    with os.scandir(handle) as entries:
        found = [
            (entry.name, entry.stat(follow_symlinks=False), entry.is_dir(follow_symlinks=False))
            for entry in entries
            if entry.name != without
        ]
    for name, state, is_folder in found:
        with suppress(FileNotFoundError, NotADirectoryError):
            if state.st_uid != user and (is_folder or state.st_nlink == 1):
                os.chown(name, user, user, dir_fd=handle, follow_symlinks=False)
            if is_folder and depth < _DEEP:
                _give_inner(name, handle, user, depth + 1)


def _give_inner(name: str, parent: int, user: int, depth: int) -> None:
    handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        _give_below(handle, user, depth=depth)
    finally:
        os.close(handle)


def _mapped() -> Iterator[tuple[int, int]]:
    """Yield the ranges of ids of our user namespace."""
    for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
        first, _, count = line.split()
        yield int(first), int(count)
