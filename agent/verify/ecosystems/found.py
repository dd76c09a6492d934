"""A test command that was found, and the files that it is looked for in."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from moot.agent.verify.frameworks.choose import claimant
from moot.agent.verify.shell import Call, chain

__all__ = ["Files", "Found", "framework_of"]

_LIMIT = 1_000_000
"""Bytes of a file beyond which it is no configuration."""


@dataclass(frozen=True, slots=True)
class Found:
    """A way in which a repository is tested.

    Attributes:
        command: for a shell, started at the top of the repository.
        framework: what runs the tests, such as `pytest`; empty when that is not known.
        source: where that was found, as `file:line` or `file: key`.
        reason: why that means this command, in words.
        suggested: the command's words are the repository's own, so they are shown before they run.
    """

    command: str
    framework: str
    source: str
    reason: str
    suggested: bool = False


class Files:
    """A repository's paths and what they hold."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], bytes]) -> None:
        """Bind to paths from the top, and to what reads one of them."""
        self.paths = tuple(sorted(paths))
        self._read = read

    @cached_property
    def known(self) -> frozenset[str]:
        """The paths, to look one up."""
        return frozenset(self.paths)

    @cached_property
    def _folders(self) -> dict[str, list[str]]:
        folders: dict[str, list[str]] = {}
        for path in self.paths:
            folder, _, name = path.rpartition("/")
            folders.setdefault(folder, []).append(name)
        return folders

    def names(self, folder: str) -> list[str]:
        """Return the names of the files right in a folder; the top is empty."""
        return self._folders.get(folder, [])

    def text(self, path: str) -> str:
        """Return a file's text; empty when there is none, or it is too long for a configuration."""
        data = self._read(path) if path in self.known else b""
        return data.decode(errors="replace") if len(data) <= _LIMIT else ""

    def first(self, *names: str) -> str:
        """Return the first of these paths that exists; else nothing."""
        return next((name for name in names if name in self.known), "")

    def below(self, folder: str) -> "Files":
        """Return what lies in a folder, with paths from there."""
        prefix = f"{folder}/"
        first, end = bisect_left(self.paths, prefix), bisect_left(self.paths, f"{folder}0")  # 0 follows /
        inner = (path.removeprefix(prefix) for path in self.paths[first:end])
        return Files(inner, lambda path: self._read(prefix + path))

    def without(self, paths: Iterable[str]) -> "Files":
        """Return all but some."""
        return Files(self.known - frozenset(paths), self._read)

    def line(self, path: str, text: str) -> str:
        """Return `path:line` of the first line that holds a text, else the path."""
        lines = self.text(path).splitlines()
        return next((f"{path}:{number}" for number, line in enumerate(lines, 1) if text in line), path)


def framework_of(command: str) -> str:
    """Return the framework that a chain of calls ends with; empty when there is none."""
    for words in reversed(chain(command) or ()):
        if framework := claimant(Call.of(words)):
            return framework.name
    return ""
