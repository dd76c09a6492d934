"""Python: relative imports by their dots, absolute ones below a folder that can be on the search path."""

import sys
from collections.abc import Iterator, Sequence
from functools import cached_property

from moot.agent.core.testfiles import is_test
from moot.agent.index.imports.configuration import read_toml
from moot.agent.index.imports.tree import Tree, joined

__all__ = ["Python"]

_FORMS = ("/__init__.py", ".py", "/__init__.pyi", ".pyi")
_SOURCES = ("src", "lib", "python", "Lib")  # folders that are put on the search path
_PACKAGE_DIR = "tool.setuptools.package-dir"


class Python:
    """The module, or the one that holds the name at the end of `a.b.name`.

    The folder that an absolute import starts from is outside of all packages. It is around the importing
    file, or `src` or `lib` beside such a folder, or holds a regular package of that name anywhere; a test's
    own packages are for tests only. A name of the standard library is sought in the top folder, `src` and
    `lib` only. pyproject.toml is read for the folders that setuptools gives packages.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return the file of a module."""
        if module.startswith("."):
            return self._relative(module, importer)
        parts = [part for part in module.split(".") if part]
        for root in self._roots(parts[0], importer) if parts else ():
            if found := self._below(root, parts):
                return found
        return self._renamed(parts)

    def _relative(self, module: str, importer: str) -> Sequence[int]:
        name = module.lstrip(".")
        folder = joined(*importer.split("/")[:-1] or [""], *[".."] * (len(module) - len(name) - 1))
        if folder.startswith(".."):
            return ()
        parts = [part for part in name.split(".") if part]
        if (found := self._below(folder, parts)) or len(parts) > 1:
            return found
        return self._tree.first([joined(folder, "__init__.py")])

    def _below(self, root: str, parts: Sequence[str]) -> Sequence[int]:
        """Return the module that the parts lead to, or all but the last."""
        for end in range(len(parts), max(0, len(parts) - 2), -1):
            path = joined(root, *parts[:end])
            if found := self._tree.first(path + form for form in _FORMS):
                return found
        return ()

    def _roots(self, name: str, importer: str) -> Iterator[str]:
        """Yield the folders in which a top-level name can be found, the nearest to the importer first."""
        folder = importer.rpartition("/")[0]
        standard = name in sys.stdlib_module_names
        places = sorted(self._places.get(name, ()), key=lambda root: (-len(root), root))
        near = [root for root in places if _around(root, folder)]
        if standard:
            yield from (root for root in near if root.rpartition("/")[2] in ("", *_SOURCES))
            return
        yield from near
        for root in places:
            package = joined(root, name)
            if package in self._packages and (is_test(importer) or not is_test(f"{package}/__init__.py")):
                yield root

    def _renamed(self, parts: Sequence[str]) -> Sequence[int]:
        for end in range(len(parts), 0, -1):
            folder = self._package_dirs.get(".".join(parts[:end]))
            if folder is not None:
                return self._below(folder, parts[end:]) or self._tree.first([joined(folder, "__init__.py")])
        return ()

    @cached_property
    def _packages(self) -> frozenset[str]:
        """The folders with an `__init__.py`."""
        return frozenset(
            folder
            for folder in self._tree.folders
            if f"{folder}/__init__.py".lstrip("/") in self._tree.paths.numbers
        )

    @cached_property
    def _places(self) -> dict[str, list[str]]:
        """Name of a module or folder with Python files -> the folders outside of packages that it is in."""
        found: dict[str, dict[str, None]] = {}
        for folder in self._tree.folders:
            files = self._tree.folder(folder, (".py", ".pyi"))
            names = [self._tree.paths.all[n].rpartition("/")[2].partition(".")[0] for n in files]
            for name in names if folder not in self._packages else ():
                found.setdefault(name, {})[folder] = None
            while files and folder:
                folder, _, name = folder.rpartition("/")
                if folder not in self._packages:
                    found.setdefault(name, {})[folder] = None
        return {name: list(folders) for name, folders in found.items()}

    @cached_property
    def _package_dirs(self) -> dict[str, str]:
        return {
            package: joined(path.rpartition("/")[0], given)
            for path, data in self._tree.configurations(r"pyproject\.toml")
            for (section, package), given in read_toml(data).items()
            if section == _PACKAGE_DIR and package
        }


def _around(root: str, folder: str) -> bool:
    """Tell whether a root, or what it is the source folder of, is a folder or around it."""
    parent, _, last = root.rpartition("/")
    return any(
        not each or folder == each or folder.startswith(f"{each}/")
        for each in ((root, parent) if last in _SOURCES else (root,))
    )
