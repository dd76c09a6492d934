"""JavaScript and TypeScript: relative paths, the paths of tsconfig.json, and packages of the workspace."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from moot.agent.index.imports.configuration import as_object, as_strings, read_json
from moot.agent.index.imports.tree import Tree, joined
from moot.agent.index.languages import language_of

__all__ = ["EcmaScript"]

_TYPED = (".ts", ".tsx", ".mts", ".cts", ".d.ts")
_PLAIN = (".js", ".jsx", ".mjs", ".cjs")
_OTHERS = (".json", ".vue")
_COMPILED = {".js": (".ts", ".tsx", ".d.ts"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_ENTRIES = ("src/index", "index", "lib/index", "src/main")  # of a package whose own are built from sources
_MOST_EXTENDED = 5


@dataclass(frozen=True, slots=True)
class _Package:
    """A package.json and its folder."""

    folder: str
    said: Mapping[str, object]

    def targets(self, field: str, wanted: str) -> Iterator[str]:
        """Yield the paths that `imports` or `exports` gives a name, from the top."""
        given = self.said.get(field)
        named = as_object(given)
        if not any(key.startswith((".", "#")) for key in named):
            named = {".": given}
        for pattern, target in named.items():
            if (middle := _matched(pattern, wanted)) is not None:
                yield from (joined(self.folder, text.replace("*", middle)) for text in as_strings(target))

    def entries(self) -> Iterator[str]:
        """Yield the paths that the package itself may be, from the top."""
        yield from self.targets("exports", ".")
        for field in ("source", "module", "main", "types"):
            if isinstance(said := self.said.get(field), str):
                yield joined(self.folder, said)
        yield from (joined(self.folder, entry) for entry in _ENTRIES)


@dataclass(frozen=True, slots=True)
class _Paths:
    """What a tsconfig.json says of paths: pattern -> paths from the top; the base of all others, if any."""

    patterns: Mapping[str, Sequence[str]]
    base: str | None


class EcmaScript:
    """The file at a path, with any suffix; a folder means its package's entry or `index`.

    `./x.js` may mean `x.ts`. Bare names are those of `imports` (`#x`), of `paths` and `baseUrl` in the
    nearest tsconfig.json or jsconfig.json that has them (or that it extends by a path), and of packages in
    the tree by the name in package.json. An entry that is built is sought where its source usually is.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree
        self._folders: dict[str, _Paths | None] = {}

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return the file of a module."""
        suffixes = _PLAIN + _TYPED if language_of(importer) == "javascript" else _TYPED + _PLAIN
        places = self._places(module.partition("?")[0], importer.rpartition("/")[0])
        paths = (path for place in places for path in (place, *self._entries(place)))
        return self._tree.first(file for path in paths for file in _files(path, suffixes + _OTHERS))

    def _places(self, module: str, folder: str) -> Iterator[str]:
        """Yield the paths from the top, without suffixes, that a module may be at."""
        if module.startswith("."):
            yield joined(folder, module)
            return
        if module.startswith("#") and (package := self._package_around(folder)):
            yield from package.targets("imports", module)
        yield from self._mapped(module, folder)
        yield from self._in_package(module)

    def _entries(self, folder: str) -> Iterator[str]:
        """Yield what a path means when it is a folder's."""
        if folder in self._tree.folders:
            for entry in package.entries() if (package := self._packages.get(folder)) else ():
                yield from (entry, joined(entry, "index"))
            yield joined(folder, "index")

    def _package_around(self, folder: str) -> _Package | None:
        return next((package for f in _upwards(folder) if (package := self._packages.get(f))), None)

    def _in_package(self, module: str) -> Iterator[str]:
        parts = module.split("/")
        size = 2 if module.startswith("@") else 1
        package = self._named.get("/".join(parts[:size]))
        if package is not None and (rest := "/".join(parts[size:])):
            yield from package.targets("exports", f"./{rest}")
            yield from (joined(package.folder, each, rest) for each in ("", "src"))
        elif package is not None:
            yield package.folder

    def _mapped(self, module: str, folder: str) -> Iterator[str]:
        """Yield the paths that the nearest tsconfig.json gives a bare name."""
        said = next((paths for f in _upwards(folder) if (paths := self._paths_of(f)) is not None), None)
        if said is None:
            return
        for pattern, targets in said.patterns.items():
            if (middle := _matched(pattern, module)) is not None:
                yield from (target.replace("*", middle) for target in targets)
        if said.base is not None:
            yield joined(said.base, module)

    def _paths_of(self, folder: str) -> _Paths | None:
        if folder not in self._folders:
            places = (joined(folder, name) for name in ("tsconfig.json", "jsconfig.json"))
            place = next((place for place in places if place in self._configs), None)
            self._folders[folder] = self._read_paths(place) if place else None
        return self._folders[folder]

    def _read_paths(self, place: str) -> _Paths | None:
        for _ in range(_MOST_EXTENDED):
            said, folder = self._configs.get(place, {}), place.rpartition("/")[0]
            if paths := _paths(as_object(said.get("compilerOptions")), folder):
                return paths
            extended = said.get("extends")
            if not isinstance(extended, str) or not extended.startswith("."):
                return None
            place = joined(folder, extended if extended.endswith(".json") else f"{extended}.json")
        return None

    @cached_property
    def _configs(self) -> dict[str, Mapping[str, object]]:
        """Path -> what it says, for each package.json and configuration of TypeScript."""
        read = self._tree.configurations(r"package\.json|.*[tj]sconfig.*\.json")
        return {path: read_json(data) for path, data in read}

    @cached_property
    def _packages(self) -> dict[str, _Package]:
        paths = {path: path.rpartition("/") for path in self._configs}
        return {
            folder: _Package(folder, self._configs[path])
            for path, (folder, _, name) in paths.items()
            if name == "package.json"
        }

    @cached_property
    def _named(self) -> dict[str, _Package]:
        found: dict[str, _Package] = {}
        for package in self._packages.values():
            if isinstance(name := package.said.get("name"), str):
                found.setdefault(name, package)
        return found


def _paths(options: Mapping[str, object], folder: str) -> _Paths | None:
    base = options.get("baseUrl")
    root = joined(folder, base) if isinstance(base, str) else None
    if root is None and "paths" not in options:
        return None
    start = folder if root is None else root
    given = as_object(options.get("paths"))
    return _Paths({p: [joined(start, t) for t in as_strings(ts)] for p, ts in given.items()}, root)


def _files(path: str, suffixes: Sequence[str]) -> Iterator[str]:
    stem, dot, suffix = path.rpartition(".")
    yield path
    yield from (stem + source for source in _COMPILED.get(dot + suffix, ()))
    yield from (path + each for each in suffixes)


def _upwards(folder: str) -> Iterator[str]:
    yield folder
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _matched(pattern: str, name: str) -> str | None:
    """Return what the star of a pattern stands for in a name; None where it does not match."""
    start, star, end = pattern.partition("*")
    if not star:
        return "" if pattern == name else None
    fits = len(name) >= len(start) + len(end) and name.startswith(start) and name.endswith(end)
    return name[len(start) : len(name) - len(end)] if fits else None
