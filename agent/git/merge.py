"""New trees out of commits: a change put on another commit, or taken out of it. Nothing is checked out."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from moot.agent.core.errors import Refused
from moot.agent.git.plumbing import Git, GitFailed

__all__ = ["MergeConflict", "merge_trees", "with_entries"]

_MERGE_TREE = (2, 38)


class MergeConflict(Exception):
    """A merge needs a person; `paths` are the files."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(", ".join(paths))
        self.paths = tuple(paths)


def with_entries(private: Git, commit: str, entries: Mapping[str, tuple[str, str] | None]) -> str:
    """Return the tree of a commit with other entries (mode, id) at some paths; None removes one."""
    removed = ("0", "0" * len(commit))
    lines = b"".join(
        " ".join(entry or removed).encode() + b"\t" + os.fsencode(path) + b"\0"
        for path, entry in sorted(entries.items(), key=lambda item: item[1] is not None)
    )
    with tempfile.TemporaryDirectory(dir=private.git_dir, prefix="tmp-") as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        private.run("read-tree", commit, env=index)
        private.run("update-index", "-z", "--index-info", stdin=lines, env=index)
        return private.line("write-tree", env=index)


def merge_trees(private: Git, base: str, ours: str, theirs: str) -> str:
    """Merge the trees of three commits, following renames, and return the merged tree.

    The history of the commits does not matter: git is given commits that have just these trees. Merge
    drivers are not run, because the private configuration names none.

    Raises:
        MergeConflict: both sides changed the same lines.
        Refused: this git cannot merge without a working tree.
    """
    root = _commit(private, base)
    sides = [_commit(private, commit, root) for commit in (ours, theirs)]
    options = ("-c", "merge.directoryRenames=false")
    try:
        output = private.run(
            *options, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", *sides, ok=1
        )
    except GitFailed as exc:
        if _version(private) < _MERGE_TREE:
            raise Refused("taking a run back out of later commits needs git 2.38 or newer") from exc
        raise
    tree, *paths = (os.fsdecode(field) for field in output.split(b"\0") if field)
    if paths:
        raise MergeConflict(sorted(set(paths)))
    return tree


def _commit(private: Git, commit: str, *parents: str) -> str:
    options = [word for parent in parents for word in ("-p", parent)]
    return private.line("commit-tree", f"{commit}^{{tree}}", *options, stdin=b"")


def _version(private: Git) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)", private.line("version"))
    return tuple(map(int, found.groups())) if found else (0,)
