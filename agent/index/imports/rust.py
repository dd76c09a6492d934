"""Rust: modules by the file that declares them, `crate`, `self` and `super`, and crates of the workspace."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from moot.agent.index.imports.configuration import read_toml
from moot.agent.index.imports.tree import Tree, joined

__all__ = ["Rust"]

_ROOTS = ("lib.rs", "main.rs")
_OWN_ROOTS = frozenset({"tests", "examples", "benches", "bin"})  # folders in which each file is a crate
_TAILS = ("self", "*")


class Rust:
    """The file of the innermost module that a path names; the rest of the path is an item in it.

    `mod x;` comes as `./x` (in an inline `mod y`, `./y/x`) and is `x.rs` or `x/mod.rs` in the folder of the
    declaring module. A path that starts with no keyword begins with a crate of the tree, by the name in
    Cargo.toml, or else with a module that is declared beside. The attribute `#[path]` is not read, nor is
    what macros hold.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return the file of a path."""
        if module.startswith("./"):
            *folders, name = module[2:].replace("r#", "").split("/")
            return self._module(joined(self._own_folder(importer), *folders), name)
        parts = [part.removeprefix("r#") for part in module.split("::")]
        while len(parts) > 1 and parts[-1] in _TAILS:
            parts.pop()
        match parts:
            case ["crate", *inside]:
                return self._below(self._crate_folder(importer), inside)
            case ["self", "super", *_] | ["super", *_]:
                ups = [part for part in parts if part == "super"]
                folder = joined(self._own_folder(importer), *[".."] * len(ups))
                return self._below(folder, [part for part in parts if part not in ("super", "self")])
            case ["self", *inside]:
                return self._inside(self._own_folder(importer), inside)
            case ["", *rest]:
                return self._crate(rest)
            case _:
                return self._crate(parts) or self._inside(self._own_folder(importer), parts)

    def _crate(self, parts: Sequence[str]) -> Sequence[int]:
        root = self._crates.get(parts[0]) if parts else None
        if root is None:
            return ()
        found = self._inside(root.rpartition("/")[0], parts[1:])
        return found or self._tree.first([root])

    def _below(self, folder: str, parts: Sequence[str]) -> Sequence[int]:
        """Return the innermost module below a module's folder, or that module itself."""
        return self._inside(folder, parts) or self._tree.first(_holders(folder))

    def _inside(self, folder: str, parts: Sequence[str]) -> Sequence[int]:
        for end in range(len(parts), 0, -1):
            if found := self._module(joined(folder, *parts[: end - 1]), parts[end - 1]):
                return found
        return ()

    def _module(self, folder: str, name: str) -> Sequence[int]:
        return self._tree.first((joined(folder, f"{name}.rs"), joined(folder, name, "mod.rs")))

    def _own_folder(self, path: str) -> str:
        """Return the folder in which the modules that a file declares are."""
        folder, _, name = path.rpartition("/")
        beside = name in (*_ROOTS, "mod.rs") or self._is_root(path)
        return folder if beside else joined(folder, name.removesuffix(".rs"))

    def _is_root(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        around, _, last = folder.rpartition("/")
        package = joined(around, "..") if last == "bin" else around
        if name == "build.rs" and folder in self._packages:
            return True
        return path in self._crates.values() or (last in _OWN_ROOTS and package in self._packages)

    def _crate_folder(self, path: str) -> str:
        """Return the folder of the root of the crate that a file is of."""
        folder = path.rpartition("/")[0]
        if self._is_root(path):
            return folder
        while folder and not self._tree.first(joined(folder, root) for root in _ROOTS):
            around, _, last = folder.rpartition("/")
            if last in _OWN_ROOTS and around in self._packages:
                break
            folder = around
        return folder

    @cached_property
    def _packages(self) -> dict[str, dict[tuple[str, str], str]]:
        """Folder of a Cargo.toml -> what it says."""
        read = self._tree.configurations(r"Cargo\.toml")
        return {path.rpartition("/")[0]: read_toml(data) for path, data in read}

    @cached_property
    def _crates(self) -> dict[str, str]:
        """Name of a crate as paths write it -> the path of its root."""
        return dict(reversed(list(self._libraries())))

    def _libraries(self) -> Iterator[tuple[str, str]]:
        for folder, said in self._packages.items():
            name = said.get(("lib", "name")) or said.get(("package", "name"), "")
            root = joined(folder, said.get(("lib", "path"), "src/lib.rs"))
            if root in self._tree.paths.numbers:
                yield name.replace("-", "_"), root


def _holders(folder: str) -> Iterator[str]:
    """Yield the files that can be the module whose inner modules are in a folder."""
    if folder:
        yield f"{folder}.rs"
    yield from (joined(folder, name) for name in ("mod.rs", *_ROOTS))
