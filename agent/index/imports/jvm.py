"""Java, Kotlin and Scala: a class by the folders of its package, or by the package that a file declares."""

from collections.abc import Iterator, Sequence
from functools import cache

from moot.agent.core.testfiles import is_test
from moot.agent.index.imports.tree import Tree
from moot.agent.index.languages import language_of

__all__ = ["Jvm"]

_SUFFIXES = {
    "java": (".java", ".kt", ".scala"),
    "kotlin": (".kt", ".java", ".scala"),
    "scala": (".scala", ".java", ".kt"),
}
_WILDCARDS = ("_", "*", "given")
_MOST = 32  # files of a package that is imported whole; one with more says nothing
_MOST_VARIANTS = 4  # of one class, each for its platform
_AROUND = 3  # packages from which a name may start
_COMMON = 50  # files that define one name, above which they are not asked for their packages


class Jvm:
    """The file of a class, or the files of a package (32 at most), of any of the three languages.

    All folders of the package must agree, and its tests are for tests only. A name in a class, as static
    imports have it, means the class. Where no folder agrees, a file that declares the package and defines the
    name is meant: Kotlin and Scala leave out folders and define functions outside of classes. In Scala, a
    name may start from one of the three packages around the importing file, and be one of a package object.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree
        self._declaring = cache(self._find_declaring)

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return the files of a class or a package."""
        parts = [part.strip("`") for part in module.split(".") if part not in ("", "_root_")]
        while parts and parts[-1] in _WILDCARDS:
            parts.pop()
        language = language_of(importer)
        if not parts:
            return ()
        found = self._by_path(parts, importer, _SUFFIXES[language]) or self._by_package(parts, importer)
        return found or (self._of_scala(parts, importer) if language == "scala" else ())

    def _by_path(self, parts: Sequence[str], importer: str, suffixes: tuple[str, ...]) -> Sequence[int]:
        for name in _classes(parts):
            path = name.replace(".", "/")
            files = [n for suffix in suffixes for n in self._tree.ending(path + suffix)]
            if found := self._tree.nearest(files, importer, _MOST_VARIANTS):
                return found
        return self._whole("/".join(parts), suffixes, is_test(importer)) if len(parts) > 1 else ()

    def _whole(self, package: str, suffixes: tuple[str, ...], tests: bool) -> Sequence[int]:
        files = [n for f in self._tree.folders_ending(package) for n in self._tree.folder(f, suffixes)]
        found = [n for n in files if tests or not is_test(self._tree.paths.all[n])]
        return found if len(found) <= _MOST else ()

    def _by_package(self, parts: Sequence[str], importer: str) -> Sequence[int]:
        found = next((found for name in _classes(parts) if (found := self._declaring(name))), ())
        return self._tree.nearest(found, importer)

    def _find_declaring(self, qualified: str) -> Sequence[int]:
        package, _, name = qualified.rpartition(".")
        numbers = [n for n in self._tree.defining(name) if language_of(self._tree.paths.all[n]) in _SUFFIXES]
        if len(numbers) > _COMMON:
            return ()
        return [n for n, said in zip(numbers, self._tree.packages(numbers), strict=True) if said == package]

    def _of_scala(self, parts: Sequence[str], importer: str) -> Sequence[int]:
        names, start = [name.replace(".", "/") for name in _classes(parts, 1)], importer
        for _ in range(_AROUND):
            start = start.rpartition("/")[0]
            if found := self._tree.first(f"{start}/{name}.scala" for name in names):
                return found
        objects = self._tree.ending("/".join((*parts[:-1], "package.scala"))) if len(parts) > 2 else ()
        return self._tree.nearest(objects, importer)


def _classes(parts: Sequence[str], fewest: int = 2) -> Iterator[str]:
    """Yield the names that can be a class: all parts, and fewer down to the first that is written as one."""
    first = next((n for n, part in enumerate(parts) if part[:1].isupper()), len(parts))
    shortest = max(fewest, min(first + 1, len(parts) - 1))
    yield from (".".join(parts[:end]) for end in range(len(parts), shortest - 1, -1))
