"""Works out which programs a test command needs, where they live, and what of that the sandbox must show."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import dirname, join, normpath

from moot.agent.core.private import public
from moot.agent.verify.links import WorkingTree, linked_modules, linked_sources
from moot.agent.verify.shell import unquote

__all__ = ["Environment", "caches", "environment"]

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64")
_BASE_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
_PYTHON = re.compile(
    r"(?<![\w-])(python[\d.]*|pytest|tox|nox|make|coverage|ruff|mypy|(?:based)?pyright)(?![\w-])"
)
_PROGRAM = re.compile(r"(?<![\w./-])[A-Za-z][\w.+-]*")
_ABSOLUTE = re.compile(r"(?<![\w./-])/[\w./+-]+")
_ENTERED = re.compile(r"""(?<![\w./-])(?:cd|-C)[ \t]+('[^']*'|"[^"]*"|[^\s;&|()]+)""")
_GO_DECIDES = ("go.work", "vendor/modules.txt")
"""Files beside which Go refuses `-mod=mod`, or which it is to use in place of downloaded modules."""

_LONGEST = 4_096
"""Characters of a path: Linux takes as many bytes (PATH_MAX)."""

_PYTHON_VERSION = re.compile(r"[A-Za-z0-9][\w.-]*")

_TOOLS = (
    *(".asdf", ".bun", ".cache", ".cargo", ".conda", ".config/nvm", ".deno", ".fnm", ".go", ".goenv", ".gvm"),
    *(".local", ".mamba", ".mise", ".n", ".nodenv", ".npm-global", ".npm-packages", ".nvm", ".pixi", ".pnpm"),
    *(".pnpm-store", ".proto", ".pyenv", ".rustup", ".rye", ".uv", ".venv", ".venvs", ".virtualenvs"),
    *(".volta", ".yarn"),
)
"""Folders of a home that begin with a dot and hold programs and packages."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a command needs beside the system's folders.

    Attributes:
        path: entries of PATH, first wins.
        read_only: host paths to show at the same place.
        variables: environment variables.
        links: folders of the user's tree to which installed packages lead, where the workspace has to be.
        sources: those of them that Python imports from, which a search path can replace.
    """

    path: tuple[str, ...] = _BASE_PATH
    read_only: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    links: tuple[Path, ...] = ()
    sources: tuple[Path, ...] = ()


@dataclass(slots=True)
class _Found:
    tree: WorkingTree
    path: list[Path] = field(default_factory=list[Path])
    read_only: list[Path] = field(default_factory=list[Path])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    links: list[Path] = field(default_factory=list[Path])
    sources: list[Path] = field(default_factory=list[Path])


def environment(root: Path, command: str, tracked: frozenset[str] = frozenset()) -> Environment:
    """Return what `command` needs.

    Looks for a virtual environment (`.venv`, `venv`, the active one) and for each program that the
    command names on the user's PATH; whole home folders, credentials and sockets are never shown.

    Args:
        root: top of the user's working tree.
        command: a shell command.
        tracked: the paths in the tree that git tracks: links that the repository brought show nothing else.
    """
    found = _Found(WorkingTree(root, tracked))
    _add_python(found, command)
    for name in dict.fromkeys(_PROGRAM.findall(command)):
        _add_program(found, name, command)
    for name in dict.fromkeys(_ABSOLUTE.findall(command)):
        _add_absolute(found, Path(name))
    modules = root / "node_modules"
    if modules.is_dir():
        _add_modules(found, modules)
    path = dict.fromkeys([*map(str, found.path), *_BASE_PATH])
    read_only, links, sources = map(dict.fromkeys, (found.read_only, found.links, found.sources))
    shown = public(read_only, root)
    return Environment(tuple(path), tuple(shown), found.variables, tuple(links), tuple(sources))


def caches(needed: Environment, inside: Path) -> dict[str, str]:
    """Return variables that keep compiled packages in the workspace, from one candidate of a run to the next.

    Cargo has its `target` there anyway. Nothing is kept from run to run, since code under test may write to
    these folders, and what it forges there must not outlive the run.
    """
    return {"GOCACHE": str(inside / ".moot-cache" / "go")} if "GOMODCACHE" in needed.variables else {}


def _add_python(found: _Found, command: str) -> None:
    if not _PYTHON.search(command):
        return
    root = found.tree.root
    active = (os.environ.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX"))
    places = [root / ".venv", root / "venv", *(Path(place) for place in active if place)]
    for place in places:
        if _exists(place / "bin" / "python") and not found.tree.is_planted(place):
            _add_virtual_environment(found, place)
            return
    _add_pyenv(found)


def _add_virtual_environment(found: _Found, place: Path) -> None:
    found.variables["VIRTUAL_ENV"] = str(place)
    found.path.append(place / "bin")
    _show(found, place)
    if place.is_symlink():
        _show(found, place.resolve())
    python = place / "bin" / "python"
    if not found.tree.is_planted(python):
        for link in _links(python):
            _show(found, _prefix(link))
    found.sources += map(_import_folder, _add_linked(found, linked_sources(place, found.tree), place))


def _add_modules(found: _Found, modules: Path) -> None:
    if not found.tree.is_planted(modules):
        _show(found, modules)
    found.path.append(modules / ".bin")
    found.links += _add_linked(found, linked_modules(modules, found.tree), modules)


def _add_linked(found: _Found, linked: Iterable[Path], place: Path) -> list[Path]:
    """Show the sources to which installed packages lead, and return those in the user's tree."""
    own: list[Path] = []
    root = found.tree.root
    for source in linked:
        if source.is_relative_to(root) and not source.is_relative_to(place):
            own.append(source)
        elif not source.is_relative_to(place) and not _is_personal(source, root):
            _show(found, source)
    return own


def _is_personal(place: Path, root: Path) -> bool:
    """Tell whether a place is in a dot-folder of the home that is not for programs.

    Packages lead there where a manifest of the repository asked for it (pnpm's `link:../../.tool`). Where the
    repository is in such a folder itself, what is beside it is sources.
    """
    home, place = Path(os.path.realpath(Path.home())), Path(os.path.realpath(place))
    first = place.relative_to(home).parts[:1] if place.is_relative_to(home) else ()
    if not first or not first[0].startswith(".") or root.is_relative_to(home / first[0]):
        return False
    return not any(place.is_relative_to(home / name) for name in _TOOLS)


def _import_folder(source: Path) -> Path:
    """Return the folder that is searched: the one above a package or a module's file, else itself."""
    return source.parent if source.is_file() or (source / "__init__.py").is_file() else source


def _links(path: Path) -> Iterator[Path]:
    """Yield every target on the way from a symbolic link to a file."""
    for _ in range(20):
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / path.readlink()))
        yield path
        yield path.parent.resolve() / path.name


def _add_pyenv(found: _Found) -> None:
    """Name the interpreter that a pyenv shim would start: the shim needs all of pyenv, and time."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    if shutil.which("python3") != str(home / "shims" / "python3"):
        return
    for chosen in (found.tree.root / ".python-version", home / "version"):
        if chosen.is_file():
            name = chosen.read_text(encoding="utf-8", errors="replace").strip().partition("\n")[0]
            prefix = home / "versions" / name
            if _PYTHON_VERSION.fullmatch(name) and (prefix / "bin").is_dir():
                found.path.append(prefix / "bin")
                _show(found, prefix)
                return


def _add_program(found: _Found, name: str, command: str) -> None:
    where = shutil.which(name)
    if (
        where is None
        or "/shims/" in where
        or Path(where).is_relative_to(found.path[0] if found.path else "/-")
    ):
        return
    if name in ("cargo", "rustc"):
        _add_rust(found)
    if name == "go":
        _add_go(found, command)
    program = Path(where)
    if _is_system(found, program) and _is_system(found, program.resolve()):
        return
    found.path.append(program.parent)
    if found.tree.is_planted(program):
        return  # the workspace has it
    _show(found, program.parent)
    for link in _links(program):
        _show(found, _prefix(link))
    _show(found, _prefix(program))


def _add_absolute(found: _Found, program: Path) -> None:
    """Show what a program that the command names by its whole path needs."""
    own = program.is_relative_to(found.tree.root)
    if own or _is_system(found, program) or not os.access(program, os.X_OK):
        return
    if program.parent.name == "bin" and (program.parent.parent / "pyvenv.cfg").is_file():
        _add_virtual_environment(found, program.parent.parent)
    elif program.is_file():
        _show(found, _prefix(program))
        for link in _links(program):
            _show(found, _prefix(link))


def _add_rust(found: _Found) -> None:
    """Show Rust's toolchains and downloaded crates, but not `credentials.toml` beside them."""
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    rustup = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")
    for place in (cargo / "bin", cargo / "registry", cargo / "git", rustup):
        _show(found, place)
    found.variables |= {"CARGO_HOME": str(cargo), "RUSTUP_HOME": str(rustup), "CARGO_NET_OFFLINE": "true"}


def _add_go(found: _Found, command: str) -> None:
    """Show downloaded modules; `-mod=mod` does without complete checksums, where Go allows it.

    It does not beside a go.work or vendored modules, be it those of a folder that the command enters.
    """
    root = found.tree.root
    modules = Path(os.environ.get("GOMODCACHE") or Path.home() / "go" / "pkg" / "mod")
    _show(found, modules)
    found.variables |= {"GOMODCACHE": str(modules), "GOPROXY": "off"}
    entered = _entered(str(root), command)
    if not any(_exists(Path(folder, file)) for folder in entered for file in _GO_DECIDES):
        found.variables["GOFLAGS"] = "-mod=mod"


def _entered(root: str, command: str) -> set[str]:
    """Return the root, the folders below it that a command enters, and those on the way to them.

    Whether a `cd` starts where the one before it ended depends on the shell: both places are returned.
    """
    found = {root}
    for line in command.splitlines():
        folder = root
        for word in map(unquote, _ENTERED.findall(line)):
            folder = normpath(join(folder, word))
            if len(folder) > _LONGEST:
                break
            for place in (folder, normpath(join(root, word))):
                while place.startswith(f"{root}/") and place not in found:
                    found.add(place)
                    place = dirname(place)
    return found


def _prefix(program: Path) -> Path:
    """Return the folder that an installed program belongs to: the one above its `bin`."""
    return program.parent.parent if program.parent.name == "bin" else program.parent


def _show(found: _Found, place: Path) -> None:
    if _exists(place) and not _is_system(found, place):
        found.read_only.append(place)


def _exists(path: Path) -> bool:
    """Tell whether there is something: pathlib raises where a folder is closed, or a name too long."""
    return os.path.exists(path)  # noqa: PTH110


def _is_system(found: _Found, path: Path) -> bool:
    """Tell whether every sandbox shows a path anyway; the user's tree it never does, wherever it lies."""
    return not path.is_relative_to(found.tree.root) and any(path.is_relative_to(folder) for folder in _SYSTEM)
