"""The files that differ between two commits, and their contents."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from moot.agent.git.names import check_id
from moot.agent.git.plumbing import Git
from moot.agent.git.worktree import FileEdit, FileState

__all__ = [
    "Change",
    "changes_between",
    "edits_of",
    "folders_of",
    "in_the_way",
    "new_objects",
    "state_of",
    "tree_entries",
]

SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of `diff-tree --raw`: modes are empty and ids are zeros on the side without the file."""

    path: str
    old_mode: str
    new_mode: str
    old: str
    new: str

    @property
    def before(self) -> tuple[str, str] | None:
        """(mode, blob) of the old side; None when there is no file."""
        return (self.old_mode, self.old) if self.old_mode else None

    @property
    def after(self) -> tuple[str, str] | None:
        """(mode, blob) of the new side; None when there is no file."""
        return (self.new_mode, self.new) if self.new_mode else None


def changes_between(git: Git, base: str, commit: str) -> list[Change]:
    """Return the files that differ between two commits, without guessing renames."""
    return _parse(_raw(git, base, commit))


def new_objects(git: Git, base: str, commit: str) -> list[str]:
    """Return the ids of a commit, and of its trees and blobs that `base` does not have at the same place."""
    found = {
        change.new
        for change in _parse(_raw(git, base, commit, "-t"))
        if change.new_mode not in ("", SUBMODULE)
    }
    return sorted({*found, git.line("rev-parse", f"{check_id(commit)}^{{tree}}"), commit})


def edits_of(git: Git, changes: Sequence[Change]) -> list[FileEdit]:
    """Return the changes with their contents: deletions first, so that folders can take a file's place."""
    ids = {side[1] for change in changes for side in (change.before, change.after) if side}
    contents = dict(git.blobs(ids))
    return [
        FileEdit(change.path, state_of(change.before, contents), state_of(change.after, contents))
        for change in sorted(changes, key=lambda change: (bool(change.new_mode), change.path))
    ]


def in_the_way(paths: Iterable[str], others: Iterable[str]) -> set[str]:
    """Return those others that no tree has beside these paths: one of the two would be file and folder."""
    files = set(paths)
    folders = {folder for path in files for folder in folders_of(path)}
    return {other for other in others if other in folders or not files.isdisjoint(folders_of(other))}


def folders_of(path: str) -> list[str]:
    """Return the folders on the way to a path, from the top."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def tree_entries(git: Git, commit: str, paths: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return path -> (mode, id) of those paths that are files or submodules of a commit."""
    result: dict[str, tuple[str, str]] = {}
    for line in git.run("ls-tree", "-z", "--full-tree", commit, "--", *paths).split(b"\0"):
        if line:
            head, _, path = line.partition(b"\t")
            mode, _, blob = head.decode().split()
            if mode != "040000":
                result[os.fsdecode(path)] = (mode, blob)
    return result


def state_of(entry: tuple[str, str] | None, contents: Mapping[str, bytes]) -> FileState:
    """Return the file of an entry (mode, id), whose content is given by its id; None is no file."""
    return FileState(entry[0], contents[entry[1]]) if entry else FileState()


def _raw(git: Git, base: str, commit: str, *options: str) -> bytes:
    return git.run(
        "diff-tree", "-r", *options, "--raw", "-z", "--no-renames", check_id(base), check_id(commit)
    )


def _parse(raw: bytes) -> list[Change]:
    """Parse `:100644 100644 <id> <id> M`, NUL, path, NUL, …"""
    fields = raw.split(b"\0")
    result: list[Change] = []
    for head, path in zip(fields[0::2], fields[1::2], strict=False):
        old_mode, new_mode, old, new, _ = head.decode().removeprefix(":").split()
        old_mode, new_mode = ("" if mode == "000000" else mode for mode in (old_mode, new_mode))
        result.append(Change(os.fsdecode(path), old_mode, new_mode, old, new))
    return result
