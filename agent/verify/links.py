"""Finds where installed packages lead that are links to sources: editable installs, npm's workspaces."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from moot.agent.verify.tree import Tree

__all__ = ["WorkingTree", "absolute_paths", "linked_modules", "linked_sources"]

_PATH = re.compile(r"""(['"])(/(?:\\.|(?!\1).)+)\1""")
_LARGEST = 1_000_000

_MOST_LINKS = 40
"""That Linux follows on the way to a file (path_resolution(7))."""

_MANIFESTS = (
    *(
        "go.mod",
        "go.work",
        "Cargo.toml",
        ".cargo/config.toml",
        "package.json",
        "tsconfig.json",
        "pyproject.toml",
    ),
    *("setup.cfg", "pytest.ini", "tox.ini", "Makefile", "CMakeLists.txt", "meson.build"),
)


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The user's tree, where links of the repository are told apart from those of tools that the user ran.

    Attributes:
        root: its top.
        tracked: the paths in it that git tracks, from the top: what the repository brought.
    """

    root: Path
    tracked: frozenset[str] = frozenset()

    def is_planted(self, path: Path) -> bool:
        """Tell whether the repository decides what is at a path: that, or a link on the way, is tracked."""
        top = Path(os.path.realpath(self.root))
        steps = (step.relative_to(top) for step in _steps(path) if step.is_relative_to(top))
        return any(str(part) in self.tracked for step in steps for part in (step, *step.parents))


def _steps(path: Path) -> Iterator[Path]:
    """Yield each link that is followed on the way to a path, where it really lies, and what is at the end."""
    at, left, links = Path("/"), list(path.absolute().parts), 0
    while left:
        part = left.pop(0)
        at = at.parent if part == ".." else at / part
        if os.path.islink(at) and links < _MOST_LINKS:  # noqa: PTH114 - as below
            yield at
            left[:0] = at.readlink().parts
            at, links = at.parent, links + 1
    yield at


def linked_sources(place: Path, tree: WorkingTree) -> Iterator[Path]:
    """Yield the folders and files that a virtual environment's packages are imported from.

    A `.pth` file names a folder in a line (of a static editable install, or written by hand). setuptools
    writes a finder in place of it where a folder would show too much, and meson-python and scikit-build-core
    a loader: the absolute paths in these modules are taken. What the repository brought names only folders
    of the tree.
    """
    for packages in place.glob("lib/python*/site-packages"):
        for file, sources in _naming(packages):
            planted = tree.is_planted(file)
            yield from (path for path in sources if not planted or path.is_relative_to(tree.root))


def _naming(packages: Path) -> Iterator[tuple[Path, Iterable[Path]]]:
    """Yield the files of a folder of packages that name others, with what they name."""
    for file in packages.glob("*.pth"):
        yield file, (path for path in map(Path, _lines(file)) if path.is_absolute() and _is_folder(path))
    for pattern in ("__editable__*.py", "_*_editable*.py"):
        for file in packages.glob(pattern):
            found = (Path(match[2]) for line in _lines(file) for match in _PATH.finditer(line))
            yield file, (path for path in found if os.path.exists(path))  # noqa: PTH110 - as below


def _lines(file: Path) -> list[str]:
    """Return the lines of a file; none where it cannot be read, such as a link that leads nowhere."""
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return []
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def linked_modules(modules: Path, tree: WorkingTree) -> Iterator[Path]:
    """Yield where links in `node_modules` lead: workspaces, `file:` dependencies, `npm link`.

    Those that the repository brought lead only to what is in the tree.
    """
    for place in (modules, *modules.glob("@*")):
        for entry in place.glob("*"):  # nothing where it is a file or closed, unlike `iterdir`
            if entry.is_symlink() and _is_folder(entry):
                target = entry.resolve()
                if target.is_relative_to(tree.root) or not tree.is_planted(entry):
                    yield target


def _is_folder(path: Path) -> bool:
    """Whether there is a folder that the user may see: pathlib raises where one on the way is closed."""
    return os.path.isdir(path)  # noqa: PTH112


def absolute_paths(workspace: Tree, root: Path) -> list[str]:
    """Return the build files at the top of a workspace that name the user's tree by its absolute path."""
    name = re.compile(re.escape(str(root).encode()) + rb"(?![\w.-])")
    return [file for file in _MANIFESTS if name.search(workspace.read(file))]
