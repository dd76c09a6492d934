"""Go: an import path is a package, which is a folder below the module that a go.mod names."""

import re
from collections.abc import Sequence
from functools import cached_property

from moot.agent.index.imports.tree import Tree, joined

__all__ = ["Go", "package"]

_MODULE = re.compile(rb"^module[ \t]+\"?([\w.~/-]+)", re.MULTILINE)
_MOST = 100  # files of one package
_FEWEST = 2  # folders that must agree where no go.mod says what they are below


class Go:
    """All files of a package but its tests, 100 at most.

    The longest module path that an import path starts with says the folder. A tree without any go.mod has
    the package in the folder that shares the longest end with the import path, of two folders at least.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return the files of a package."""
        parts = module.split("/")
        for end in range(len(parts), 0, -1):
            folder = self._modules.get("/".join(parts[:end]))
            if folder is not None:
                return package(self._tree, joined(folder, *parts[end:]))
        return () if self._modules else self._by_end(parts)

    @cached_property
    def _modules(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path, data in self._tree.configurations(r"go\.mod"):
            if match := _MODULE.search(data):
                found.setdefault(match[1].decode(), path.rpartition("/")[0])
        return found

    def _by_end(self, parts: Sequence[str]) -> Sequence[int]:
        for start in range(len(parts) - _FEWEST + 1):
            end = "/".join(parts[start:])
            found = [files for f in self._tree.folders_ending(end) if (files := package(self._tree, f))]
            if found:
                return found[0] if len(found) == 1 else ()
        return ()


def package(tree: Tree, folder: str) -> Sequence[int]:
    """Return the files of the package in a folder but its tests, 100 at most."""
    files = tree.folder(folder, (".go",))
    return [n for n in files if not tree.paths.all[n].endswith("_test.go")][:_MOST]
