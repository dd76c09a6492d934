"""Takes extension modules along that were built in the user's tree, if from the workspace's sources."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from moot.agent.verify.tree import Tree

__all__ = ["BuiltModules"]

_MODULES = (".so", ".node")
_C = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".inc", ".cu", ".cuh", ".m", ".mm")
_SOURCES = frozenset((*_C, ".s", ".asm", ".f", ".f90", ".pyx", ".pxd", ".pxi", ".rs", ".zig"))
_GENERATORS = (".pyx", ".pxd", ".py")
"""What Cython translates to the C or C++ file of the same name beside it."""

_RECIPES = frozenset(("setup.py", "CMakeLists.txt", "meson.build", "Cargo.toml", "binding.gyp", "build.rs"))
_ELSEWHERE = frozenset(
    (".git", "node_modules", "target", "build", "dist", "__pycache__", ".tox", ".nox", ".eggs")
)
"""Folders that hold no module which is imported from where it lies."""

_MOST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class _Found:
    """Paths from the top of a tree."""

    modules: tuple[str, ...]
    sources: frozenset[str]


class BuiltModules:
    """The extension modules in the user's tree, where `build_ext --inplace` and its kin leave them.

    They are not under version control, so a workspace lacks them, and tests would fail for that alone. A
    module belongs to the workspace when the sources there are the user's, byte for byte, and none of
    them is newer than the module; else it would test other code than the workspace's and is left out.
    A Python file beside a module of its name was compiled to it, or is hidden by it, so it is a source.
    """

    def __init__(self, root: Path) -> None:
        """Bind to the top of the user's working tree."""
        self._root = root

    def take_along(self, workspace: Path, tree: Tree) -> str:
        """Copy the modules into a workspace; blocks.

        Args:
            workspace: a checked out candidate.
            tree: the same folder, opened.

        Returns:
            Why they were left out and what to do; empty when they were not.
        """
        wanted = self._wanted(tree)
        if reason := self._stale(wanted, workspace, tree):
            more = f" and {len(wanted) - 1} more" if len(wanted) > 1 else ""
            fault = f"{wanted[0]}{more} was not built from these sources: {reason}"
            return f"{fault}; build it as part of --test COMMAND"
        for path in wanted:
            with suppress(FileNotFoundError):  # its folder is not under version control either
                tree.write(path, (self._root / path).read_bytes())
        return ""

    def facts(self, workspace: Path, tree: Tree) -> list[object]:
        """Return what changes with the modules that `take_along` copies, or why it copies none; blocks."""
        wanted = self._wanted(tree)
        if reason := self._stale(wanted, workspace, tree):
            return [wanted, reason]
        states = ((path, (self._root / path).stat()) for path in wanted)
        return [(path, state.st_size, state.st_mtime_ns) for path, state in states]

    def _wanted(self, tree: Tree) -> list[str]:
        """Return the modules that a workspace lacks, but for those that the user removed meanwhile."""
        return [
            path for path in self._found.modules if not tree.holds(path) and (self._root / path).is_file()
        ]

    @cached_property
    def _found(self) -> _Found:
        return _look(self._root)

    def _stale(self, modules: list[str], workspace: Path, tree: Tree) -> str:
        if not modules:
            return ""
        built = min((self._root / path).stat().st_mtime_ns for path in modules)
        for path in sorted(self._sources(modules, workspace, tree)):
            own = self._root / path
            if not own.is_file() or own.read_bytes() != tree.read(path):
                return f"{path} is another in your tree"
            if own.stat().st_mtime_ns > built:
                return f"{path} was changed after it"
        return ""

    def _sources(self, modules: list[str], workspace: Path, tree: Tree) -> set[str]:
        """Return what modules are built from: the sources of both trees, but for what Cython generated."""
        theirs = _look(workspace).sources
        own = {path for path in self._found.sources - theirs if not self._was_generated(path)}
        twins = (str(PurePosixPath(path).with_name(_python_name(path))) for path in modules)
        compiled = {path for path in twins if tree.holds(path) or (self._root / path).is_file()}
        return own | theirs | compiled

    def _was_generated(self, path: str) -> bool:
        """Tell of a file that the user's tree alone has whether Cython left it beside its source."""
        file = self._root / path
        return file.suffix in _C and any(file.with_suffix(each).is_file() for each in _GENERATORS)


def _python_name(module: str) -> str:
    """Return the name of the Python file that an extension module would hide."""
    return PurePosixPath(module).name.partition(".")[0] + ".py"


def _look(top: Path) -> _Found:
    modules: list[str] = []
    sources: set[str] = set()
    for path in _walk(top):
        if path.suffix in _MODULES:
            modules.append(str(path))
        elif path.suffix in _SOURCES or path.name in _RECIPES:
            sources.add(str(path))
    return _Found(tuple(sorted(modules)), frozenset(sources))


def _walk(top: Path) -> Iterator[PurePosixPath]:
    """Yield the regular files of a tree, as far as extension modules may lie there."""
    seen = 0
    folders = [""]
    while folders:  # os.walk recurses, which code under test can make too much for Python
        below = folders.pop()
        with suppress(OSError):
            for entry in list(os.scandir(top / below)):
                path = f"{below}/{entry.name}" if below else entry.name
                if not entry.is_dir(follow_symlinks=False):
                    seen += 1
                    if entry.is_file(follow_symlinks=False):
                        yield PurePosixPath(path)
                elif entry.name not in _ELSEWHERE and not os.path.lexists(f"{entry.path}/pyvenv.cfg"):
                    folders.append(path)
        if seen > _MOST_FILES:
            return
