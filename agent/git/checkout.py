"""What the user has checked out: branch, index and files, read without running anything of theirs."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moot.agent.core.errors import Refused
from moot.agent.git.changes import SUBMODULE, Change, edits_of, folders_of, in_the_way, state_of, tree_entries
from moot.agent.git.discover import Location, current_branch
from moot.agent.git.plumbing import Git, GitFailed
from moot.agent.git.worktree import Worktree

__all__ = ["OTHERWISE", "Checkout", "IndexEntry"]

OTHERWISE = "or use --apply branch"

_LOCK_WAIT = 5.0
"""Seconds that another git process may hold the index."""

_UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or `git am`",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "sequencer": "a cherry-pick or revert",
    "BISECT_LOG": "a bisection",
}


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A file in the index; `stage` is not 0 in a conflict, `skipped` files are outside a sparse checkout."""

    mode: str
    blob: str
    stage: int
    skipped: bool
    assumed: bool

    def holds(self, side: tuple[str, str] | None) -> bool:
        """Tell whether this is exactly (mode, blob)."""
        return self.stage == 0 and (self.mode, self.blob) == side


class Checkout:
    """One working tree with its index and branch."""

    def __init__(self, location: Location, private: Git) -> None:
        self.location = location
        self.git = Git(location.git_dir, location.root, location.root)
        self._private = private
        self._indexer = Git(private.git_dir, location.root, location.root)
        self.trusted = Git(location.git_dir, location.root, location.root, own_config=True)
        self.tree = Worktree(location.root, self.git, self.trusted)

    # --- refs ---------------------------------------------------------------------------------

    def branch(self) -> str | None:
        """Return the short name of the current branch; None when HEAD is detached."""
        return current_branch(self.git)

    def tip(self, ref: str) -> str | None:
        """Return where a ref points; None when there is none."""
        try:
            return self.git.line("rev-parse", "--verify", "--quiet", ref)
        except GitFailed:
            return None

    def contains(self, descendant: str, commit: str) -> bool:
        """Tell whether a commit is another one or in its history."""
        try:
            self.git.run("merge-base", "--is-ancestor", commit, descendant)
        except GitFailed:
            return False
        return True

    def worktree_of(self, branch: str) -> Path | None:
        """Return the working tree that has a branch checked out."""
        found = self.git.line("for-each-ref", "--format=%(worktreepath)", f"refs/heads/{branch}")
        return Path(found) if found else None

    # --- index and files ------------------------------------------------------------------------

    @property
    def index_file(self) -> Path:
        """The user's index."""
        return self.location.git_dir / "index"

    def indexed(self) -> frozenset[str]:
        """Return every path of the index; none where it cannot be read."""
        try:
            output = self.git.run("ls-files", "-z", "--full-name")
        except GitFailed:
            return frozenset()
        return frozenset(os.fsdecode(path) for path in output.split(b"\0") if path)

    def staged(self, paths: Sequence[str], index: Path | None = None) -> dict[str, IndexEntry]:
        """Return index entries by path; a conflict shows as an entry of a stage."""
        if not paths:
            return {}
        given = {"GIT_INDEX_FILE": str(index or self.index_file)}
        output = self._indexer.run("ls-files", "-s", "-v", "-z", "--full-name", "--", *paths, env=given)
        result: dict[str, IndexEntry] = {}
        for line in output.split(b"\0"):
            if line:
                head, _, path = line.partition(b"\t")
                tag, mode, blob, stage = head.decode().split()
                skipped, assumed = tag.upper() == "S", tag.islower()
                result[os.fsdecode(path)] = IndexEntry(mode, blob, int(stage), skipped, assumed)
        return result

    def write_index(self, index: Path, changes: Sequence[Change]) -> None:
        """Set the entries of an index file that are as they were before the changes.

        Writing an index compares files that were changed within its own time stamp, through the clean
        filters that the configuration names; so this runs with our git directory's configuration.
        """
        staged = self.staged([change.path for change in changes], index)
        lines: list[bytes] = []
        flags: dict[str, list[bytes]] = {"--skip-worktree": [], "--assume-unchanged": []}
        for change in sorted(changes, key=lambda change: bool(change.new_mode)):
            entry, path = staged.get(change.path), os.fsencode(change.path) + b"\0"
            if not (entry.holds(change.before) if entry else change.before is None):
                continue
            lines.append(f"{change.new_mode or '0'} {change.new}\t".encode() + path)
            if entry and change.new_mode:
                flags["--skip-worktree"] += [path] * entry.skipped
                flags["--assume-unchanged"] += [path] * entry.assumed
        given = {"GIT_INDEX_FILE": str(index)}
        if lines:
            self._indexer.run("update-index", "-z", "--index-info", stdin=b"".join(lines), env=given)
        for flag, paths in flags.items():
            if paths:
                self._indexer.run("update-index", flag, "-z", "--stdin", stdin=b"".join(paths), env=given)

    def outside(self, staged: Mapping[str, IndexEntry]) -> set[str]:
        """Return those entries that a sparse checkout keeps out of the working tree."""
        return {path for path, entry in staged.items() if entry.skipped and not self.tree.exists(path)}

    def dirty(self, paths: Sequence[str]) -> list[str]:
        """Return those paths whose working file or index entry differs from HEAD."""
        if not paths:
            return []
        entries, staged = tree_entries(self.git, "HEAD", paths), self.staged(paths)
        contents = dict(self._private.blobs({blob for mode, blob in entries.values() if mode != SUBMODULE}))
        plain = [path for path in paths if entries.get(path, ("", ""))[0] != SUBMODULE]
        plain = [path for path in plain if path not in self.outside(staged)]
        states = [(path, state_of(entries.get(path), contents)) for path in plain]
        differing = set(self.tree.differing(states))
        for path in paths:
            entry = staged.get(path)
            if not (entry.holds(entries.get(path)) if entry else path not in entries):
                differing.add(path)
        return [path for path in paths if path in differing]

    # --- what must hold -------------------------------------------------------------------------

    def require_branch(self, otherwise: str = OTHERWISE) -> str:
        """Return the current branch when a commit can be put on it now.

        Args:
            otherwise: last words of what to do where none can.

        Raises:
            Refused: HEAD is detached, another operation is not finished, or the index is split.
        """
        self._require_idle(otherwise)
        branch = self.branch()
        if branch is None:
            raise Refused(f"HEAD is detached: check out a branch, {otherwise}")
        if self.git.line("rev-parse", "--shared-index-path"):
            raise Refused(
                f"split indexes are not supported: run `git update-index --no-split-index`, {otherwise}"
            )
        return branch

    def _require_idle(self, otherwise: str) -> None:
        """Check that no merge, rebase or the like waits to be finished."""
        for name, what in _UNFINISHED.items():
            if (self.location.git_dir / name).exists():
                raise Refused(f"{what} is not finished here: finish or abort it, {otherwise}")

    def require_unlocked(self) -> None:
        """Wait a little until no other git process holds the index.

        Raises:
            Refused: one still does.
        """
        lock, deadline = self.location.git_dir / "index.lock", time.monotonic() + _LOCK_WAIT
        while lock.exists():
            if time.monotonic() > deadline:
                raise Refused(f"another git process holds {lock}: wait for it, or remove it if none runs")
            time.sleep(0.05)

    def require_clean(self, changes: Sequence[Change], *, index: bool, otherwise: str = OTHERWISE) -> None:
        """Check that the files, and the index where it follows, are as they were before the changes.

        Args:
            changes: what is to be made of them; their files run no filters.
            index: whether it follows.
            otherwise: last words of what to do where something is in the way.

        Raises:
            Refused: they are not.
            PermissionError: the user may not write them.
        """
        paths = [change.path for change in changes]
        outside = self.outside(self.staged(paths))
        if outside and not index:
            names = ", ".join(sorted(outside)[:5])
            raise Refused(f"outside your sparse checkout: {names}; add it to the checkout, {otherwise}")
        self.tree.require_writable(path for path in paths if path not in outside)
        states = [(edit.path, edit.before) for edit in edits_of(self._private, changes)]
        differing = self.tree.differing(state for state in states if state[0] not in outside)
        dirty = sorted({*differing, *self.dirty(paths), *(self._in_the_way(changes) if index else ())})
        if dirty:
            names = ", ".join(dirty[:5]) + (" …" if len(dirty) > 5 else "")
            raise Refused(f"your uncommitted changes overlap in {names}: commit or stash them, {otherwise}")

    def _in_the_way(self, changes: Sequence[Change]) -> set[str]:
        """Return index entries that git would drop for a new file: a folder's file, or a file on its way."""
        new = [change.path for change in changes if change.new_mode and not change.old_mode]
        staged = self.staged([*new, *{folder for path in new for folder in folders_of(path)}])
        return in_the_way(new, staged) - {change.path for change in changes}
