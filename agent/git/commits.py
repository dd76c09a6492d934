"""Turns a patch into a commit of the private git directory, without a working tree."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from moot.agent.core.errors import EditRejected, UsageError
from moot.agent.core.types import FileChange, Patch, TreeEntry
from moot.agent.git.files import SYMLINK
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
    tree = _write_tree(git, base, patch)
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


def _write_tree(git: Git, base: str, patch: Patch) -> str:
    with tempfile.TemporaryDirectory(dir=git.git_dir, prefix="tmp-") as scratch:
        written = _write_blobs(git, Path(scratch), patch)
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        git.run("read-tree", base, env=index)
        zeros = "0" * len(base)
        lines = b"".join(
            f"{change.mode} {written[change.path]}\t".encode() + os.fsencode(change.path) + b"\0"
            if change.content is not None
            else f"0 {zeros}\t".encode() + os.fsencode(change.path) + b"\0"
            for change in sorted(patch.changes, key=lambda change: change.content is not None)
        )
        git.run("update-index", "-z", "--index-info", stdin=lines, env=index)
        return git.line("write-tree", env=index)


def _write_blobs(git: Git, scratch: Path, patch: Patch) -> dict[str, str]:
    """Store all new contents through one process; return path -> blob id."""
    changes = [change for change in patch.changes if change.content is not None]
    if not changes:
        return {}
    for number, change in enumerate(changes):
        (scratch / str(number)).write_bytes(change.content or b"")
    names = "".join(f"{scratch / str(number)}\n" for number in range(len(changes)))
    ids = git.line("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=os.fsencode(names)).split("\n")
    return {change.path: blob for change, blob in zip(changes, ids, strict=True)}
