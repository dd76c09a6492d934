"""The user's working tree: what it holds, compared without running anything that it configures."""

import errno
import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from moot.agent.core.errors import Refused
from moot.agent.git.files import SYMLINK, Folder
from moot.agent.git.names import check_path
from moot.agent.git.plumbing import Git, GitFailed

__all__ = ["FileEdit", "FileState", "Worktree"]

_ATTRIBUTES = ("filter", "ident", "working-tree-encoding", "text", "eol", "crlf")


@dataclass(frozen=True, slots=True)
class FileState:
    """A file of a commit: git mode and content; both empty when the commit has no such file."""

    mode: str = ""
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file before and after."""

    path: str
    before: FileState
    after: FileState


class Worktree:
    """Reads and writes files of the user's working tree in the form that git would give them."""

    def __init__(self, root: Path, git: Git, trusted: Git) -> None:
        """Bind to a working tree.

        Args:
            root: its top.
            git: the user's git directory with a clean configuration.
            trusted: the same with the user's global configuration, where `core.autocrlf` lives.
        """
        self._folder = Folder(root)
        self._git = git
        self._trusted = trusted

    def differing(self, states: Iterable[tuple[str, FileState]]) -> list[str]:
        """Return those paths whose working file is not what is given.

        Of a file and a folder that take each other's place one is given, and is not in the other's way.
        """
        states = list(states)
        convert = self._conversions([path for path, _ in states])
        given = {path for path, state in states if state.mode}
        return [path for path, state in states if not self._holds(path, state, convert[path], given)]

    def exists(self, path: str) -> bool:
        """Tell whether anything is there."""
        return self._folder.state(path) is not None

    def stage(self, edits: Sequence[FileEdit], folder: Path) -> None:
        """Write the files as they will be into a folder, named by their position."""
        convert = self._conversions([edit.path for edit in edits])
        ready = Folder(folder)
        for number, edit in enumerate(edits):
            if edit.after.mode:
                ready.write(str(number), edit.after.mode, _content(edit.after, convert[edit.path]))

    def install(self, edits: Sequence[FileEdit], folder: Path) -> list[str]:
        """Turn files from one state to the other, each by a rename; return those left alone.

        A file that is in neither state was edited meanwhile: its user's version wins.

        Args:
            edits: what was staged, in the same order: deletions first.
            folder: where.
        """
        convert = self._conversions([edit.path for edit in edits])
        left: list[str] = []
        given = {edit.path for edit in edits if edit.after.mode}
        for number, edit in enumerate(edits):
            conversion = convert[edit.path]
            if self._holds(edit.path, edit.before, conversion, ()):
                if edit.after.mode:
                    self._folder.adopt(edit.path, edit.after.mode, folder / str(number))
                else:
                    self._folder.remove(edit.path)
            elif not self._holds(edit.path, edit.after, conversion, given):
                left.append(edit.path)
            elif not edit.after.mode:
                self._folder.prune(edit.path)  # as a kill may come between a file and its folder
        return left

    def require_plain(
        self, paths: Iterable[str], otherwise: str = "use --apply branch or --apply patch"
    ) -> None:
        """Check that these files can be written without running a filter.

        Args:
            paths: of the files.
            otherwise: what to do where they cannot.

        Raises:
            Refused: the repository's attributes ask for one.
        """
        for path, conversion in self._conversions(list(paths)).items():
            if conversion.filter:
                raise Refused(
                    f"{path} is transformed by the git attribute {conversion.filter!r}, which is not "
                    f"run here: {otherwise}"
                )

    def require_writable(self, paths: Iterable[str]) -> None:
        """Check that these files can be replaced: where a folder is shut, some would be and others not.

        Raises:
            PermissionError: a folder may not be written.
        """
        for folder in sorted({self._nearest_folder(path) for path in paths}):
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, f"{folder} may not be written")

    def _nearest_folder(self, path: str) -> Path:
        folder = (self._folder.path / path).parent
        while not folder.is_dir():
            folder = folder.parent
        return folder

    def _holds(self, path: str, state: FileState, convert: "_Conversion", given: Collection[str]) -> bool:
        found = self._folder.read(path)
        if found is None:
            return not state.mode and not self._in_the_way(path, given)
        mode, content = found
        if SYMLINK in (mode, state.mode) and mode != state.mode:
            return False
        if convert.modes and mode != state.mode:
            return False
        same = (state.content, convert.to_worktree(state.content))
        return bool(state.mode) and (content in same or convert.to_git(content) == state.content)

    def _in_the_way(self, path: str, given: Collection[str]) -> bool:
        """Tell whether a folder lies where a file would go, or a file where its folder would go.

        Files that are given are meant to be there.
        """
        if self._folder.state(path) is not None:
            return not all(other in given for other in self._folder.leaves(path))
        while "/" in path:
            path = path.rpartition("/")[0]
            if self._folder.state(path) is not None and self._folder.state(f"{path}/.") is None:
                return path not in given
        return False

    def _setting(self, name: str) -> str:
        try:
            return self._trusted.line("config", "--get", name).lower()
        except GitFailed:
            return ""

    def _switch(self, name: str) -> str:
        """Return `true` or `false` for any of git's words for them; another word, or none, as it is."""
        try:
            return self._trusted.line("config", "--type=bool", "--get", name)
        except GitFailed:
            return self._setting(name)

    def _conversions(self, paths: list[str]) -> dict[str, "_Conversion"]:
        if not paths:
            return {}
        stdin = b"".join(os.fsencode(check_path(path)) + b"\0" for path in paths)
        fields = self._git.run("check-attr", "--stdin", "-z", *_ATTRIBUTES, stdin=stdin).split(b"\0")
        found: dict[str, dict[str, str]] = {path: {} for path in paths}
        for path, name, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
            found[os.fsdecode(path)][name.decode()] = value.decode(errors="replace")
        autocrlf, eol = self._switch("core.autocrlf"), self._setting("core.eol")
        modes = self._switch("core.fileMode") != "false"
        return {
            path: replace(_conversion(attributes, autocrlf, eol), modes=modes)
            for path, attributes in found.items()
        }


@dataclass(frozen=True, slots=True)
class _Conversion:
    """How git converts a file.

    Attributes:
        filter: name of an attribute that asks for a filter; empty when none does.
        crlf, lf: line ends on the way out, and on the way in: `no`, `auto` or `always`.
        modes: whether the file system keeps the executable bit.
    """

    filter: str
    crlf: str
    lf: str
    modes: bool = True

    def to_worktree(self, content: bytes) -> bytes:
        """Convert line ends as `crlf_to_worktree` in git's convert.c does."""
        if self.crlf == "no" or (self.crlf == "auto" and (b"\0" in content or b"\r" in content)):
            return content
        return re.sub(rb"(?<!\r)\n", b"\r\n", content)

    def to_git(self, content: bytes) -> bytes:
        """Convert line ends as `crlf_to_git` does."""
        if self.lf == "no" or (self.lf == "auto" and b"\0" in content):
            return content
        return content.replace(b"\r\n", b"\n")


def _conversion(attributes: dict[str, str], autocrlf: str, eol: str) -> _Conversion:
    """Decide as gitattributes(5) says: `eol` implies `text`; `crlf` is the old name of `text`."""
    transform = next((name for name in _ATTRIBUTES[:3] if _given(attributes.get(name))), "")
    text = attributes.get("text", "unspecified")
    if text == "unspecified":
        text = {"set": "set", "unset": "unset", "input": "set"}.get(attributes.get("crlf", ""), text)
    wanted = attributes.get("eol", "unspecified")
    unnamed = text == "unspecified" and wanted == "unspecified"
    if text == "unset" or (unnamed and autocrlf not in ("true", "input")):
        return _Conversion(transform, "no", "no")
    crlf = wanted == "crlf" or (
        wanted != "lf" and (autocrlf == "true" or (eol == "crlf" and autocrlf in ("", "false")))
    )
    how = "auto" if text == "auto" or unnamed else "always"
    return _Conversion(transform, how if crlf else "no", how)


def _content(state: FileState, convert: _Conversion) -> bytes:
    return state.content if state.mode == SYMLINK else convert.to_worktree(state.content)


def _given(value: str | None) -> bool:
    return value not in (None, "unspecified", "unset")
