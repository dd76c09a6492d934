"""C and C++: an included file beside the includer or below any folder, and the source of a header."""

from collections.abc import Iterator, Sequence

from moot.agent.core.testfiles import is_test
from moot.agent.index.imports.tree import Tree, joined

__all__ = ["Include"]

_SOURCES = (".c", ".cc", ".cpp", ".cxx")
_HEADERS = (".h", ".hh", ".hpp", ".hxx")
_ROOTS = frozenset({"", "include", "inc", "src", "source", "lib"})


class Include:
    """The file beside the includer, or else the nearest whose path ends with what is included.

    `<a/b.h>` must lie in a folder that is around the includer or named as include folders are. A header
    leads to its source as well: of the same stem, beside it or else the only one in the tree.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return an included file and its source."""
        headers = (
            self._system(module.strip("<>"), importer)
            if module.startswith("<")
            else self._own(module, importer)
        )
        return [*headers, *(n for header in headers for n in self._source(header))]

    def _own(self, path: str, importer: str) -> Sequence[int]:
        end = joined(path).lstrip("./")
        beside = self._tree.first([joined(importer.rpartition("/")[0], path)])
        return beside or self._tree.nearest(self._tree.ending(end), importer)

    def _system(self, path: str, importer: str) -> Sequence[int]:
        found = [n for n in self._tree.ending(path) if self._is_root(n, path, importer)]
        return self._tree.nearest(found, importer)

    def _is_root(self, number: int, path: str, importer: str) -> bool:
        root = self._tree.paths.all[number].removesuffix(path).rstrip("/")
        return root.rpartition("/")[2] in _ROOTS or importer.startswith(f"{root}/")

    def _source(self, header: int) -> Sequence[int]:
        path = self._tree.paths.all[header]
        stem, dot, suffix = path.rpartition(".")
        if dot + suffix not in _HEADERS:
            return ()
        if beside := self._tree.first(stem + source for source in _SOURCES):
            return beside
        found = list(self._named(stem.rpartition("/")[2]))
        return found if len(found) == 1 else ()

    def _named(self, stem: str) -> Iterator[int]:
        for suffix in _SOURCES:
            yield from (n for n in self._tree.ending(stem + suffix) if not is_test(self._tree.paths.all[n]))
