"""Says what a test run depends on beside the files under test: one digest, which changes when that does."""

import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from moot.agent.verify.environment import Environment

__all__ = ["fingerprint"]

_MOST_FILES = 200_000
"""Files that are looked at: about two seconds' worth."""

_WORD = re.compile(r"[^\s'\"|&;<>()`=]+")

_SYSTEM_PACKAGES = (
    Path("/var/lib/dpkg/status"),
    Path("/var/lib/rpm/rpmdb.sqlite"),
    Path("/usr/lib/sysimage/rpm/rpmdb.sqlite"),
    Path("/lib/apk/db/installed"),
    Path("/var/lib/pacman/local"),
)
"""What a distribution's package manager rewrites whenever it changes something below /usr."""

_OWN_FOLDERS = (Path("/usr/local/bin"), Path("/usr/local/lib"))
"""Where programs are installed past the package manager."""

_LISTED = ("/usr/lib/python3/dist-packages", "/usr/lib/python3*/site-packages", "/usr/lib/node_modules")
"""Where other installers write below /usr: their names and times tell."""


class _TooMany(Exception):
    """There are more files than are looked at."""


def fingerprint(command: str, needed: Environment, built: Sequence[object] = ()) -> str | None:
    """Return a digest of everything outside the workspace that a command's tests can see.

    It holds the environment's variables and folders; the path, size and time of each file in the folders
    that the sandbox shows (virtual environments, `node_modules`, toolchains, downloaded modules), byte
    code aside; the programs that the command names; the system's packages and what is in /usr/local; the
    kernel and the processor's kind. Blocks: it looks at every one of these files.

    Args:
        command: what runs, which names programs.
        needed: what the sandbox shows.
        built: facts of what is copied into the workspace beside its own files.

    Returns:
        None when there are too many files to look at.
    """
    digest = hashlib.sha256()
    try:
        for line in chain(built, _facts(command, needed)):
            digest.update(json.dumps(line).encode())
    except _TooMany:
        return None
    return digest.hexdigest()


def _facts(command: str, needed: Environment) -> Iterator[object]:
    yield json.dumps(asdict(needed), default=str, sort_keys=True)
    yield platform.machine(), platform.release()
    for word in dict.fromkeys(map(str, _WORD.findall(command))):
        program: str | None = shutil.which(word, path=":".join(needed.path))
        if program is not None:
            yield word, os.path.realpath(program), *_stamp(Path(program))
    for file in _SYSTEM_PACKAGES:
        yield str(file), *_stamp(file)
    for pattern in _LISTED:
        for folder in sorted(Path("/").glob(pattern.lstrip("/"))):
            yield from ((str(entry), *_stamp(entry)) for entry in sorted(folder.iterdir()))
    left = _MOST_FILES
    for folder in _outermost([*needed.read_only, *_OWN_FOLDERS]):
        for fact in _files(folder):
            left -= 1
            if left < 0:
                raise _TooMany
            yield fact


def _outermost(places: Iterable[Path]) -> list[Path]:
    """Return the places that are within no other one, links followed."""
    found: list[Path] = []
    for place in sorted({place.resolve() for place in places}, key=lambda each: len(each.parts)):
        if not any(place.is_relative_to(outer) for outer in found):
            found.append(place)
    return sorted(found)


def _files(place: Path) -> Iterator[tuple[object, ...]]:
    if place.is_file():
        yield str(place), *_stamp(place)
    for top, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if name not in ("__pycache__", ".cache"))
        for name in sorted(names):
            if not name.endswith(".pyc"):
                yield f"{top}/{name}", *_stamp(Path(top, name))


def _stamp(file: Path) -> tuple[int, ...]:
    """Return what changes with a file's content; nothing when there is no such file."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return (found.st_mode, found.st_size, found.st_mtime_ns)
