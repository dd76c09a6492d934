"""C# and PHP: namespaces, as files declare them and as composer.json maps them to folders."""

from collections.abc import Sequence
from functools import cached_property

from moot.agent.index.imports.configuration import as_object, as_strings, read_json
from moot.agent.index.imports.tree import Tree, joined

__all__ = ["CSharp", "Php"]

_MOST = 16  # files of a namespace; one with more says nothing
_PLATFORM = frozenset({"", "System", "Microsoft"})


class CSharp:
    """The file of a type, or the files that declare a namespace: 16 at most, as more would say nothing.

    A name may start from any namespace around the one that the importing file declares. What files add to
    the namespaces of the platform is left out.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return the files of a type or a namespace."""
        own = self._own.get(importer, "").split(".")
        for around in ([], *(own[:end] for end in range(len(own), 0, -1))):
            name = ".".join((*around, module))
            if found := self._typed(name, importer) or self._namespaces.get(name):
                return found if len(found) <= _MOST else ()
        return ()

    def _typed(self, qualified: str, importer: str) -> Sequence[int]:
        namespace, _, name = qualified.rpartition(".")
        files = [
            n for n in self._namespaces.get(namespace, ()) if self._tree.paths.all[n].endswith(f"/{name}.cs")
        ]
        return self._tree.nearest(files, importer)

    @cached_property
    def _namespaces(self) -> dict[str, list[int]]:
        """Namespace -> the files that declare it."""
        found: dict[str, list[int]] = {}
        for path, namespace in self._own.items():
            if namespace.partition(".")[0] not in _PLATFORM:
                found.setdefault(namespace, []).append(self._tree.paths.numbers[path])
        return found

    @cached_property
    def _own(self) -> dict[str, str]:
        """Path -> the namespace that the file declares."""
        paths = [path for path in self._tree.paths.all if path.endswith(".cs")]
        numbers = [self._tree.paths.numbers[path] for path in paths]
        return dict(zip(paths, self._tree.packages(numbers), strict=True))


class Php:
    """A class by PSR-4, as composer.json maps namespaces to folders; a required file by its path.

    Where no composer.json maps it, the nearest file whose path ends with the whole name is meant. What
    precedes the text in `__DIR__ . '/x.php'` is taken for the folder of the requiring file.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return the file of a class, or the file that is required."""
        if "/" in module or module.endswith(".php"):
            path = module.lstrip("/")
            return self._tree.first((joined(importer.rpartition("/")[0], path), joined(path)))
        parts = module.replace(".", "\\").strip("\\").split("\\")
        return self._mapped(parts) or self._tree.nearest(self._whole(parts), importer)

    def _mapped(self, parts: Sequence[str]) -> Sequence[int]:
        for end in range(len(parts) - 1, 0, -1):
            folders = self._prefixes.get("\\".join(parts[:end]), ())
            if found := self._tree.first(joined(f, *parts[end:-1], f"{parts[-1]}.php") for f in folders):
                return found
        return ()

    def _whole(self, parts: Sequence[str]) -> Sequence[int]:
        return self._tree.ending("/".join(parts) + ".php") if len(parts) > 1 else ()

    @cached_property
    def _prefixes(self) -> dict[str, list[str]]:
        """Namespace -> the folders of its files, from the top."""
        found: dict[str, list[str]] = {}
        for path, data in self._tree.configurations(r"composer\.json"):
            said = read_json(data)
            for field in ("autoload", "autoload-dev"):
                for prefix, folders in as_object(as_object(said.get(field)).get("psr-4")).items():
                    mapped = [joined(path.rpartition("/")[0], each) for each in as_strings(folders)]
                    found.setdefault(prefix.strip("\\"), []).extend(mapped)
        return found
