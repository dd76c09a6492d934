"""Brings a commit into the user's repository: a commit, a branch, files or a patch, exactly once."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from moot.agent.core.choices import ApplyMode
from moot.agent.core.errors import Refused
from moot.agent.core.types import Publication
from moot.agent.git.changes import Change, changes_between, in_the_way
from moot.agent.git.checkout import OTHERWISE, Checkout
from moot.agent.git.identity import Signature, sign
from moot.agent.git.journal import Entry, Journal, Landing
from moot.agent.git.landing import Lander, RefMoved
from moot.agent.git.merge import with_entries
from moot.agent.git.names import check_id, check_run_id
from moot.agent.git.plumbing import Git, GitFailed
from moot.agent.git.private import write_atomically

__all__ = ["Publisher", "patch_of", "reason"]

_TRIES = 5
"""Times that a branch may move between looking at it and moving it."""


class Publisher:
    """Publishes runs of one repository."""

    def __init__(
        self, checkout: Checkout, private: Git, journal: Journal, lock: FileLock, runs: Path
    ) -> None:
        """Bind to a working tree.

        Args:
            checkout: the user's side.
            private: our side.
            journal: what was done before.
            lock: one publication at a time in each repository.
            runs: folder of all runs, for patch files.
        """
        self._checkout, self._private, self._journal = checkout, private, journal
        self._lock, self._runs = lock, runs
        self._lander = Lander(checkout, private, journal)

    def publish(self, run_id: str, base: str, commit: str, mode: ApplyMode, model: str = "") -> Publication:
        """Publish once; the same call again returns the same publication.

        Raises:
            Refused: something of the user's is in the way; nothing was changed.
        """
        if mode is ApplyMode.NONE:
            return Publication(mode)
        entry = Entry(
            check_run_id(run_id),
            "publish",
            mode.value,
            str(self._checkout.location.root),
            check_id(base),
            check_id(commit),
            time.time_ns(),
            model=model,
        )
        try:
            with self._lock:
                return self._publish(entry).publication()
        except (GitFailed, OSError) as exc:
            raise Refused(
                f"the repository could not be written ({reason(exc)}): make sure that it has space "
                f"and may be written, then run `agent run --resume {run_id}`"
            ) from exc

    def _publish(self, entry: Entry) -> Entry:
        self._lander.recover()
        if done := self._journal.published(entry.run_id):
            return self._again(done, entry)
        if entry.mode == ApplyMode.PATCH:
            return self._write_patch(entry)
        for _ in range(_TRIES):
            try:
                return self._lander.carry_out(self._plan(entry))
            except RefMoved:
                continue
        raise Refused(f"the branch moved {_TRIES} times while publishing: run again, {OTHERWISE}")

    def _again(self, done: Entry, entry: Entry) -> Entry:
        if self._journal.undone(entry.run_id):
            raise Refused(f"run {entry.run_id} was published and taken back: start a new run")
        if not done.same(entry):
            raise Refused(f"run {entry.run_id} was already published another way: start a new run")
        return done

    def _write_patch(self, entry: Entry) -> Entry:
        file = self._runs / entry.run_id / "changes.patch"
        write_atomically(file, patch_of(self._private, entry))
        entry = replace(entry, patch_file=str(file))
        self._journal.finish(entry)
        return entry

    def _plan(self, entry: Entry) -> Entry:
        """Check everything and make the commit; the user sees nothing yet."""
        match ApplyMode(entry.mode):
            case ApplyMode.COMMIT:
                return self._plan_commit(entry)
            case ApplyMode.BRANCH:
                return self._plan_branch(entry)
            case _:
                return self._plan_files(entry)

    def _plan_commit(self, entry: Entry) -> Entry:
        branch = self._checkout.require_branch()
        entry, tip, changes = self._on_tip(entry, f"the branch {branch}")
        self._checkout.require_clean(changes, index=True)
        tree = with_entries(self._private, tip, {change.path: change.after for change in changes})
        published = self._sign(entry, tree, tip)
        landing = Landing(f"refs/heads/{branch}", tip, published, tip, published, index=True, files=True)
        return replace(entry, published=published, branch=branch, landing=landing)

    def _plan_files(self, entry: Entry) -> Entry:
        branch = self._checkout.branch()
        entry, _, changes = self._on_tip(entry, f"the branch {branch}" if branch else "HEAD")
        self._checkout.require_clean(changes, index=False)
        landing = Landing(None, "", "", entry.base, entry.commit, files=True)
        return replace(entry, landing=landing)

    def _on_tip(self, entry: Entry, branch: str) -> tuple[Entry, str, list[Change]]:
        """Return an entry that says where HEAD is now, that commit, and the changes that go on top of it."""
        tip = self._checkout.git.line("rev-parse", "--verify", "HEAD^{commit}")
        changes = changes_between(self._private, entry.base, entry.commit)
        if tip != entry.base:
            self._require_untouched(entry, branch, tip, [change.path for change in changes])
            entry = replace(entry, onto=tip)
        self._checkout.tree.require_plain(change.path for change in changes)
        return entry, tip, changes

    def _require_untouched(self, entry: Entry, branch: str, tip: str, paths: Sequence[str]) -> None:
        """Check that a branch that moved only went forward, in other files than the run's."""
        instead = f"`agent run --resume {entry.run_id} --apply branch` puts the edit on a branch to merge"
        if not self._checkout.contains(tip, entry.base):
            raise Refused(f"{branch} has moved away from {entry.base[:10]}, where the run began: {instead}")
        theirs = {change.path for change in changes_between(self._private, entry.base, tip)}
        touched = theirs.intersection(paths) | in_the_way(paths, theirs)
        if touched:
            raise Refused(
                f"{branch} has moved since the run began, with changes in "
                f"{', '.join(sorted(touched)[:5])}: {instead}"
            )

    def _plan_branch(self, entry: Entry) -> Entry:
        branch = f"moot/{entry.run_id}"
        ref = f"refs/heads/{branch}"
        above = "refs/heads/moot"
        for name in (above, ref):
            if self._checkout.tip(name) is not None:
                raise Refused(
                    f"the branch {name.removeprefix('refs/heads/')} is in the way of {branch}: "
                    f"rename it, or use --apply patch"
                )
        published = self._sign(entry, f"{entry.commit}^{{tree}}", entry.base)
        landing = Landing(ref, "0" * len(published), published, entry.base, published)
        return replace(entry, published=published, branch=branch, landing=landing)

    def _sign(self, entry: Entry, tree: str, parent: str) -> str:
        message = self._private.run("cat-file", "commit", entry.commit).partition(b"\n\n")[2]
        signature = Signature("Moot-Run", entry.run_id, entry.model)
        return sign(self._private, self._checkout.trusted, tree, parent, message, signature)


def patch_of(private: Git, entry: Entry) -> bytes:
    """Return an entry's change as a patch that `git apply` takes."""
    return private.run("diff-tree", "-p", "--binary", "--full-index", entry.base, entry.commit)


def reason(exc: Exception) -> str:
    """Return in one line why something could not be done."""
    if isinstance(exc, GitFailed):
        return exc.text.splitlines()[0] if exc.text else str(exc)
    return (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
