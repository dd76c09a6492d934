"""The user's repository, and the private git directory beside it where all work happens."""

import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from moot.agent.core.choices import ApplyMode
from moot.agent.core.errors import MootError, Refused
from moot.agent.core.types import PastCommit, Patch, Publication, TreeEntry
from moot.agent.git.ages import read_ages
from moot.agent.git.checkout import Checkout
from moot.agent.git.commits import commit_patch
from moot.agent.git.discover import Location, find
from moot.agent.git.journal import Entry, Journal
from moot.agent.git.landing import Lander
from moot.agent.git.later import Later, lines_left, overwritten, read_later
from moot.agent.git.log import read_log
from moot.agent.git.merge import MergeConflict, merge_trees
from moot.agent.git.names import check_id
from moot.agent.git.plumbing import Git, GitFailed, missing
from moot.agent.git.private import open_private
from moot.agent.git.publish import Publisher, reason
from moot.agent.git.undo import Undoer
from moot.agent.git.working import WorkingFiles
from moot.agent.git.workspace import Workspace

__all__ = ["GitRepository"]

_DIFF = ("diff-tree", "--no-ext-diff", "--no-textconv", "--no-color", "-r", "-M")


class GitRepository:
    """The `Repository` port over git's plumbing commands; make one with `open`."""

    def __init__(self, location: Location, private: Git, data_dir: Path) -> None:
        self._location = location
        self._private = private
        self.data_dir = data_dir
        home = data_dir / "repos" / location.key
        self._checkout, self._journal = Checkout(location, private), Journal(home)
        self._lock = FileLock(home / "publish.lock")
        self._publisher = Publisher(self._checkout, private, self._journal, self._lock, data_dir / "runs")
        self.recovered = self._recover()
        self._workspaces: dict[Path, Workspace] = {}
        self._files = functools.lru_cache(maxsize=8)(self._list)

    @classmethod
    def open(cls, path: Path, data_dir: Path) -> "GitRepository":
        """Open the repository whose working tree holds `path`.

        Args:
            path: any folder of a working tree, also of a linked one.
            data_dir: the product's data folder, where the private git directory and patches live.

        Raises:
            UsageError: there is no repository to work on; the message says what to do.
        """
        location = find(path)
        data_dir = data_dir.resolve()
        return cls(location, open_private(location, data_dir), data_dir)

    @property
    def root(self) -> Path:
        """Top of the user's working tree."""
        return self._location.root

    @property
    def head(self) -> str:
        """Commit id of HEAD when the repository was opened."""
        return self._location.head

    @property
    def branch(self) -> str | None:
        """Short name of the branch when the repository was opened; None when HEAD was detached."""
        return self._location.branch

    def files(self, commit: str, paths: Iterable[str] = ()) -> list[TreeEntry]:
        """Return every entry of a commit's tree, or those at paths, sorted; a submodule's size is 0."""
        only = tuple(paths)
        return list(self._list(check_id(commit), only) if only else self._files(check_id(commit)))

    def tracked(self) -> frozenset[str]:
        """Return the paths that git tracks: those of HEAD, and those of the index as it is now."""
        return frozenset(entry.path for entry in self.files(self.head)) | self._checkout.indexed()

    def tree(self, commit: str) -> str:
        """Return the id of a commit's tree."""
        return self._private.run("rev-parse", "--verify", f"{check_id(commit)}^{{tree}}").decode().strip()

    def working_files(self, largest: int) -> WorkingFiles:
        """Return a view of the working tree; changed files over `largest` bytes are listed, not read."""
        return WorkingFiles(self._checkout, self._private, largest)

    def read(self, blob: str) -> bytes:
        """Return a blob's bytes."""
        return next(iter(self._private.blobs([blob])))[1]

    def read_many(self, blobs: Iterable[str]) -> Iterable[tuple[str, bytes]]:
        """Yield (blob id, bytes) for many blobs through one process."""
        return self._private.blobs(blobs)

    def log(self, commit: str, limit: int) -> list[PastCommit]:
        """Return a commit and those before it, the newest first; merges are left out."""
        return read_log(self._private, commit, limit)

    def ages(self, commit: str, path: str) -> dict[int, int]:
        """Return for each line (from 1) of a file when it was committed, in seconds since 1970."""
        return read_ages(self._private, commit, path)

    def later(self, commit: str, paths: Sequence[str], limit: int) -> tuple[Later, ...] | None:
        """Return the commits after one up to HEAD that change paths, the oldest first; see `read_later`."""
        return read_later(self._private, check_id(commit), self.head, paths, limit)

    def overwritten(self, commit: str, later: str, paths: Sequence[str]) -> bool:
        """Tell whether a later commit changes lines that a commit wrote, or puts some between two of them."""
        return overwritten(self._private, commit, later, paths)

    def lines_left(self, commit: str, at: str, paths: Sequence[str]) -> int:
        """Return how many lines of some files, as they are at a commit, another commit wrote."""
        return lines_left(self._private, commit, at, paths)

    def changed_paths(self, commit: str) -> list[str]:
        """Return the files that a commit changes; none where it is gone or has no parent."""
        try:
            names = self._private.run(*_DIFF[:-1], "--name-only", "-z", f"{check_id(commit)}^", commit)
        except GitFailed:
            return []
        return [os.fsdecode(name) for name in names.split(b"\0") if name]

    def commit(self, base: str, patch: Patch, message: str) -> str:
        """Store a patch on top of a commit in the private git directory and return the commit id."""
        entries = {entry.path: entry for entry in self._files(check_id(base))}
        return commit_patch(self._private, base, entries, patch, message)

    def merge(self, base: str, ours: str, theirs: str) -> str | None:
        """Return the id of a tree with both sides' changes of the base; None where it needs a person."""
        try:
            return merge_trees(self._private, check_id(base), check_id(ours), check_id(theirs))
        except (MergeConflict, Refused):
            return None

    def checkout(self, commit: str, directory: Path) -> None:
        """Make `directory` hold exactly the commit's files; of others only caches stay, and what was adopted.

        Only what differs from this object's last checkout there is written; the first one there
        writes everything.
        """
        directory = directory.resolve()
        workspace = self._workspaces.setdefault(directory, Workspace(directory))
        workspace.checkout(self.files(commit), self._private.blobs)

    def adopt(self, directory: Path) -> None:
        """Let what the base's own tests left in caches there stay, while nothing changes it."""
        if workspace := self._workspaces.get(directory.resolve()):
            workspace.adopt()

    def diff(self, base: str, commit: str) -> str:
        """Return the unified diff between two commits."""
        return self._private.run(*_DIFF, "-p", check_id(base), check_id(commit)).decode(errors="replace")

    def diffstat(self, base: str, commit: str) -> str:
        """Return `git diff --stat` between two commits."""
        text = self._private.run(*_DIFF, "--stat=100", check_id(base), check_id(commit))
        return text.decode(errors="replace").rstrip()

    def dirty(self, paths: Iterable[str]) -> list[str]:
        """Return those paths whose working file or index entry differs from HEAD now."""
        return self._checkout.dirty(list(paths))

    def require_publishable(self, mode: ApplyMode) -> None:
        """Refuse early what `publish` would refuse whatever the edit is."""
        if mode is ApplyMode.COMMIT:
            self._checkout.require_branch()

    def publish(self, run_id: str, base: str, commit: str, mode: ApplyMode, model: str = "") -> Publication:
        """Bring a commit into the user's repository, once; see `Publisher.publish`."""
        return self._publisher.publish(run_id, base, commit, mode, model)

    def undo(self, run_id: str) -> Entry:
        """Take a run back; see `Undoer.undo`."""
        return Undoer(self._checkout, self._private, self._journal, self._lock).undo(run_id)

    def published(self, run_id: str) -> Entry | None:
        """Return how a run was published in this repository; None when it was not."""
        return self._journal.published(run_id)

    def latest(self) -> str | None:
        """Return the id of the run that was published last here and not taken back."""
        return self._journal.latest(self._location.root)

    def undone(self, run_id: str) -> Entry | None:
        """Return how a run was taken back; None when it was not."""
        return self._journal.undone(run_id)

    def _recover(self) -> tuple[str, ...]:
        """Finish what a killed process left half done; a live one holds the lock and needs no help.

        What cannot be finished yet stands in the way of the next publication, and of no look at the rest.
        """
        if not any(self._journal.pending(self._location.root)):
            return ()
        try:
            with self._lock.acquire(blocking=False):
                return tuple(Lander(self._checkout, self._private, self._journal).recover())
        except Timeout:
            return ()
        except (GitFailed, OSError, MootError) as exc:
            return (f"a run that had been cut off cannot be finished yet: {reason(exc)}",)

    def _list(self, commit: str, paths: tuple[str, ...] = ()) -> tuple[TreeEntry, ...]:
        entries: list[TreeEntry] = []
        try:
            output = self._private.run("ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", *paths)
        except GitFailed as exc:
            raise missing(f"a part of commit {commit[:10]}") from exc
        for line in output.split(b"\0"):
            if line:
                head, _, path = line.partition(b"\t")
                mode, _, blob, size = head.decode().split()
                name = os.fsdecode(path)
                if size == "BAD":
                    raise missing(f"the content of {name}")
                entries.append(TreeEntry(name, mode, blob, 0 if size == "-" else int(size)))
        return tuple(sorted(entries, key=lambda entry: entry.path))
