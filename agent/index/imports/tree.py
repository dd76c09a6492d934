"""What the rules ask of a tree: its files by name, folder and end of path, and its configuration files."""

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property

from moot.agent.index.paths import Paths

__all__ = ["MOST", "Defining", "Packages", "ReadFiles", "Tree", "joined"]

MOST = 2
"""Files that an import of one file may mean; where more are equally near, it means none."""

_MOST_CONFIGURATIONS = 500  # that are read, those nearest to the top

ReadFiles = Callable[[Collection[int]], Iterator[tuple[int, bytes]]]
"""Yields the contents of numbered files; leaves out what is large or cannot be read."""

Defining = Callable[[str], Sequence[int]]
"""Returns the files that define a name."""

Packages = Callable[[Sequence[int]], Sequence[str]]
"""Returns the package or namespace that each of some files declares; empty where it declares none."""


class Tree:
    """The files of one tree, numbered. What is known of them is found out when it is first asked."""

    def __init__(self, paths: Paths, read: ReadFiles, defining: Defining, packages: Packages) -> None:
        """Take a tree's paths, and what tells of its files."""
        self.paths = paths
        self.defining = defining
        self.packages = packages
        self._read = read

    def first(self, candidates: Iterable[str]) -> list[int]:
        """Return the first of some paths that is there."""
        number = next((n for path in candidates if (n := self.paths.numbers.get(path)) is not None), None)
        return [] if number is None else [number]

    def ending(self, end: str) -> list[int]:
        """Return the files whose path is, or ends with, a path."""
        whole = f"/{end}"
        named = self._by_name.get(end.rpartition("/")[2], ())
        return [n for n in named if self.paths.all[n] == end or self.paths.all[n].endswith(whole)]

    def folder(self, folder: str, suffixes: tuple[str, ...]) -> list[int]:
        """Return the files directly in a folder, in order, that have one of some suffixes."""
        return [n for n in self.folders.get(folder, ()) if self.paths.all[n].endswith(suffixes)]

    def folders_ending(self, end: str) -> list[str]:
        """Return the folders whose path is, or ends with, a path."""
        named = self._folders_by_name.get(end.rpartition("/")[2], ())
        return [folder for folder in named if folder == end or folder.endswith(f"/{end}")]

    def nearest(self, numbers: Iterable[int], importer: str, most: int = MOST) -> list[int]:
        """Return the files that share the most folders with the importer; none where they are more."""
        own = importer.split("/")[:-1]
        best, found = -1, list[int]()
        for number in numbers:
            shared = _shared(own, self.paths.all[number].split("/")[:-1])
            if shared > best:
                best, found = shared, []
            if shared == best:
                found.append(number)
        return found if len(found) <= most else []

    def configurations(self, name: str) -> Iterator[tuple[str, bytes]]:
        """Yield the path and the contents of each file whose name matches, those nearest to the top first.

        Args:
            name: a regular expression for whole names. Ask once for all that is needed: each time is a
                round of reading.
        """
        wanted = re.compile(name)
        found = [n for each, numbers in self._by_name.items() if wanted.fullmatch(each) for n in numbers]
        found.sort(key=lambda n: self.paths.all[n].count("/"))
        for number, data in self._read(found[:_MOST_CONFIGURATIONS]):
            yield self.paths.all[number], data

    @cached_property
    def folders(self) -> dict[str, list[int]]:
        """Folder -> the files directly in it, in order; the top's name is empty."""
        found: dict[str, list[int]] = {}
        for number, path in enumerate(self.paths.all):
            found.setdefault(path.rpartition("/")[0], []).append(number)
        return found

    @cached_property
    def _folders_by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for folder in self.folders:
            found.setdefault(folder.rpartition("/")[2], []).append(folder)
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, path in enumerate(self.paths.all):
            found.setdefault(path.rpartition("/")[2], []).append(number)
        return found


def joined(*parts: str) -> str:
    """Return a path without dots; empty for the top, and starting with `..` when it leads out."""
    path = "/".join(part for part in parts if part)
    if "./" in path or "//" in path or path.endswith((".", "/")):
        path = posixpath.normpath(path)
    return "" if path == "." else path


def _shared(first: Sequence[str], second: Sequence[str]) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(first), len(second)))
