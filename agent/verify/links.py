"""Finds where installed packages lead that are links to sources: editable installs, npm's workspaces."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from moot.agent.verify.tree import Tree

__all__ = ["absolute_paths", "linked_modules", "linked_sources"]

_PATH = re.compile(r"""(['"])(/(?:\\.|(?!\1).)+)\1""")
_LARGEST = 1_000_000

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


def linked_sources(place: Path) -> Iterator[Path]:
    """Yield the folders and files that a virtual environment's packages are imported from.

    A `.pth` file names a folder in a line (of a static editable install, or written by hand). setuptools
    writes a finder in place of it where a folder would show too much, and meson-python and scikit-build-core
    a loader: the absolute paths in these modules are taken.
    """
    for packages in place.glob("lib/python*/site-packages"):
        for file in packages.glob("*.pth"):
            yield from (path for path in map(Path, _lines(file)) if path.is_absolute() and _is_folder(path))
        for pattern in ("__editable__*.py", "_*_editable*.py"):
            for file in packages.glob(pattern):
                found = (Path(match[2]) for line in _lines(file) for match in _PATH.finditer(line))
                yield from (path for path in found if os.path.exists(path))  # noqa: PTH110 - as below


def _lines(file: Path) -> list[str]:
    """Return the lines of a file; none where it cannot be read, such as a link that leads nowhere."""
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return []
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def linked_modules(modules: Path) -> Iterator[Path]:
    """Yield where links in `node_modules` lead: workspaces, `file:` dependencies, `npm link`."""
    for place in (modules, *modules.glob("@*")):
        for entry in place.glob("*"):  # nothing where it is a file or closed, unlike `iterdir`
            if entry.is_symlink() and _is_folder(entry):
                yield entry.resolve()


def _is_folder(path: Path) -> bool:
    """Whether there is a folder that the user may see: pathlib raises where one on the way is closed."""
    return os.path.isdir(path)  # noqa: PTH112


def absolute_paths(workspace: Tree, root: Path) -> list[str]:
    """Return the build files at the top of a workspace that name the user's tree by its absolute path."""
    name = re.compile(re.escape(str(root).encode()) + rb"(?![\w.-])")
    return [file for file in _MANIFESTS if name.search(workspace.read(file))]
