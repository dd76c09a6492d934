"""Turns a patch into a commit of the private git directory, without a working tree."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from moot.agent.core.errors import EditRejected, UsageError
from moot.agent.core.types import FileChange, Patch, TreeEntry
from moot.agent.git.files import SYMLINK
from moot.agent.git.merge import with_entries
from moot.agent.git.names import check_path
from moot.agent.git.plumbing import Git

__all__ = ["commit_patch"]

_MODES = ("100644", "100755", SYMLINK)


def commit_patch(git: Git, base: str, entries: Mapping[str, TreeEntry], patch: Patch, message: str) -> str:
    """Store a patch on top of a commit and return the new commit's id.

    Author, committer and both dates are fixed by the base commit, so the same arguments give the same id.

    Args:
        git: the private git directory.
        base: id of the parent.
        entries: its tree by path.
        patch: what to change.
        message: the commit's message.

    Raises:
        EditRejected: the patch does not fit the tree.
    """
    if not patch.changes:
        raise EditRejected("the patch changes nothing")
    result = dict(entries)
    for change in patch.changes:
        _check(change, entries)
    for change in patch.changes:
        result.pop(change.path, None)
    _check_together(patch, result)
    tree = with_entries(git, base, _entries(git, patch))
    if tree == git.line("rev-parse", f"{base}^{{tree}}"):
        raise EditRejected("the patch changes nothing")
    stamp = git.line("cat-file", "commit", base).partition("\ncommitter ")[2].partition("\n")[0]
    date = "@" + " ".join(stamp.split()[-2:])  # without the sign git takes few digits for a calendar date
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    return git.line("commit-tree", tree, "-p", base, stdin=message.encode(), env=dates)


def _check(change: FileChange, entries: Mapping[str, TreeEntry]) -> None:
    """Check one change against the base."""
    try:
        check_path(change.path, link=change.content is not None and change.mode == SYMLINK)
    except UsageError as exc:
        raise EditRejected(str(exc)) from exc
    old = entries.get(change.path)
    if (old.blob if old else None) != change.base_blob:
        reason = (
            "exists already" if change.base_blob is None else "is not the version that the edit was made for"
        )
        raise EditRejected(f"{change.path} {reason}")
    if change.content is None and old is None:
        raise EditRejected(f"{change.path} does not exist, so it cannot be deleted")
    if (old and old.mode == "160000") or (change.content is not None and change.mode not in _MODES):
        raise EditRejected(f"{change.path} is a submodule or has an unknown mode")


def _check_together(patch: Patch, kept: Mapping[str, TreeEntry]) -> None:
    """Check that no path is named twice, and that none is both a file and a folder."""
    new = [change.path for change in patch.changes if change.content is not None]
    if len({change.path for change in patch.changes}) < len(patch.changes):
        raise EditRejected("the patch names the same file twice")
    files = {*kept, *new}
    folders = {path[:at] for path in files for at, letter in enumerate(path) if letter == "/"}
    for path in sorted(files & folders):
        raise EditRejected(f"{path} would be both a file and a folder")


def _entries(git: Git, patch: Patch) -> dict[str, tuple[str, str] | None]:
    """Store all new contents through one process; return path -> (mode, blob id), None where deleted."""
    new = [change for change in patch.changes if change.content is not None]
    with tempfile.TemporaryDirectory(dir=git.git_dir, prefix="tmp-") as scratch:
        files = [Path(scratch) / str(number) for number in range(len(new))]
        for file, change in zip(files, new, strict=True):
            file.write_bytes(change.content or b"")
        names = os.fsencode("".join(f"{file}\n" for file in files))
        ids = git.line("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=names).splitlines()
    written = {change.path: (change.mode, blob) for change, blob in zip(new, ids, strict=True)}
    return {change.path: written.get(change.path) for change in patch.changes}
