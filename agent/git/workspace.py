"""Checks commits out into a scratch folder, rewriting only what differs from the last one."""

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from moot.agent.core.types import TreeEntry
from moot.agent.git.changes import folders_of
from moot.agent.git.files import Folder
from moot.agent.git.names import check_path

__all__ = ["KEPT", "Workspace"]

KEPT = frozenset({".moot-cache", ".mypy_cache", "target"})
"""Folders that may outlive a candidate because their owners check what is in them against the sources."""

_ADOPTED = frozenset({"__pycache__", ".pytest_cache", "node_modules"})
"""Folders of which only that may outlive a candidate which the base's own tests left there.

Python compares byte code with its source by whole seconds and size, which two candidates may share and
code under test can forge; so the byte code of every file that is rewritten goes, too.
"""

_SUBMODULE = "160000"

Signature = tuple[int, int, int, int, int]
Blobs = Callable[[Iterable[str]], Iterable[tuple[str, bytes]]]


@dataclass(slots=True)
class Workspace:
    """One scratch folder and what was last written there: path -> (mode, blob id, signature)."""

    directory: Path
    _adopted: dict[str, Signature] = field(default_factory=dict[str, Signature])
    _written: dict[str, tuple[str, str, Signature]] = field(
        default_factory=dict[str, tuple[str, str, Signature]]
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def checkout(self, entries: Sequence[TreeEntry], blobs: Blobs) -> None:
        """Make the folder hold exactly these files, and nothing else but `KEPT` folders and what was adopted.

        Args:
            entries: every entry of a tree.
            blobs: yields (blob id, bytes) of blob ids.
        """
        wanted = {check_path(entry.path): entry for entry in entries}
        with self._lock:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = Folder(self.directory)
            self.directory.chmod(0o700)
            _Sweep(folder, wanted, self._unchanged(folder)).run()
            stale = [entry for entry in wanted.values() if not self._is_exact(folder, entry)]
            self._write(folder, stale, blobs)
            for path in set(self._written) - set(wanted):
                _drop_byte_code(folder, path)
                del self._written[path]

    def adopt(self) -> None:
        """Let what tests left in caches stay until something else changes it."""
        with self._lock:
            self._adopted = {path: _signature(found) for path, found in _cached(self.directory)}

    def _unchanged(self, folder: Folder) -> set[str]:
        """Return the adopted files that are as they were then."""
        found = folder.states(self._adopted)
        pairs = zip(self._adopted.items(), found, strict=True)
        return {path for (path, known), state in pairs if state is not None and _signature(state) == known}

    def _is_exact(self, folder: Folder, entry: TreeEntry) -> bool:
        if entry.mode == _SUBMODULE:
            return False
        mode, blob, signature = self._written.get(entry.path, ("", "", None))
        if (mode, blob) != (entry.mode, entry.blob):
            return False
        found = folder.state(entry.path)
        return found is not None and _signature(found) == signature

    def _write(self, folder: Folder, stale: Iterable[TreeEntry], blobs: Blobs) -> None:
        places: dict[str, list[TreeEntry]] = {}
        for entry in stale:
            self._written.pop(entry.path, None)
            if entry.mode == _SUBMODULE:
                folder.make_folder(entry.path)
            else:
                places.setdefault(entry.blob, []).append(entry)
        for blob, content in blobs(places):
            for entry in places[blob]:
                _drop_byte_code(folder, entry.path)
                state = folder.write(entry.path, entry.mode, content)
                self._written[entry.path] = (entry.mode, entry.blob, _signature(state))


class _Sweep:
    """Removes what belongs to no commit: leftovers of tests, and files of the previous candidate."""

    def __init__(self, folder: Folder, wanted: Mapping[str, TreeEntry], adopted: Collection[str]) -> None:
        self._folder = folder
        self._files = {path for path, entry in wanted.items() if entry.mode != _SUBMODULE}
        self._folders = {path for path, entry in wanted.items() if entry.mode == _SUBMODULE}
        for path in wanted:
            self._folders.update(folders_of(path))
        kept = [path for path in adopted if self._has_place(path)]
        self._files.update(kept)
        for path in kept:
            self._folders.update(folders_of(path))

    def _has_place(self, path: str) -> bool:
        """Whether the folder above an adopted cache is there still, and no file in the cache's place."""
        above = folders_of(path)
        owner = next((place for place in above if place.rpartition("/")[2] in _ADOPTED), "").rpartition("/")[
            0
        ]
        return (not owner or owner in self._folders) and self._files.isdisjoint(above)

    def run(self, below: str = "") -> None:
        """Sweep one folder, then those in it."""
        with os.scandir(self._folder.path / below) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_folder in found:
            path = f"{below}/{name}" if below else name
            if is_folder and path in self._folders:
                (self._folder.path / path).chmod(0o755)
                self.run(path)
            elif is_folder and name in KEPT and path not in self._files:
                continue
            elif is_folder or path not in self._files:
                self._folder.clear(path)


def _cached(directory: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files in adopted folders, by path."""
    for where, folders, files in os.walk(directory):
        folders[:] = sorted(set(folders) - KEPT)
        below = Path(where).relative_to(directory)
        if _ADOPTED.intersection(below.parts):
            for name in files:
                yield str(below / name), (directory / below / name).lstat()


def _signature(state: os.stat_result) -> Signature:
    """Identify a file's state; `st_ctime_ns` cannot be set, so an edit in place always shows."""
    return (state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino, state.st_mode)


def _drop_byte_code(folder: Folder, path: str) -> None:
    if not path.endswith(".py"):
        return
    parent, _, name = path.rpartition("/")
    cache = f"{parent}/__pycache__" if parent else "__pycache__"
    where = folder.path / cache
    if folder.state(f"{cache}/.") is None or where.is_symlink():
        return
    for compiled in [entry.name for entry in where.iterdir()]:
        if compiled.startswith(f"{name.removesuffix('.py')}."):
            folder.clear(f"{cache}/{compiled}")
