"""Ruby and Bash: files by their paths."""

from collections.abc import Sequence

from moot.agent.index.imports.tree import Tree, joined

__all__ = ["Bash", "Ruby"]

_LOAD_PATHS = frozenset({"", "lib", "test", "spec", "ext", "app"})


class Ruby:
    """The required file: beside the requiring one for `./x`, or below a folder that is on the load path.

    Those are the top, `lib`, `test`, `spec`, `ext` and `app` of any gem in the tree; the nearest is meant.
    Constants that a framework loads by their names are not followed.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return the required file."""
        path = module if module.endswith(".rb") else f"{module}.rb"
        if module.startswith("."):
            return self._tree.first((joined(importer.rpartition("/")[0], path), joined(path)))
        return self._tree.nearest([n for n in self._tree.ending(path) if self._is_loaded(n, path)], importer)

    def _is_loaded(self, number: int, path: str) -> bool:
        root = self._tree.paths.all[number].removesuffix(path).rstrip("/")
        return root.rpartition("/")[2] in _LOAD_PATHS


class Bash:
    """The sourced file, relative to the sourcing one, the folder above it, or the top.

    What precedes the text in `"$DIR/x.sh"` is taken for one of these.
    """

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree

    def __call__(self, module: str, importer: str) -> Sequence[int]:
        """Return the sourced file."""
        path, folder = module.strip("'").lstrip("/"), importer.rpartition("/")[0]
        if not path or path.startswith("."):
            return self._tree.first([joined(folder, path), joined(path)]) if "/" in path else ()
        return self._tree.first(joined(start, path) for start in (folder, folder.rpartition("/")[0], ""))
