"""Takes one run back, also after later commits; what cannot be taken back safely is said and left alone."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from moot.agent.core.choices import ApplyMode
from moot.agent.core.errors import Refused
from moot.agent.git.changes import changes_between, edits_of
from moot.agent.git.checkout import Checkout
from moot.agent.git.identity import Signature, sign
from moot.agent.git.journal import Entry, Journal, Landing
from moot.agent.git.landing import Lander, RefMoved
from moot.agent.git.merge import MergeConflict, merge_trees
from moot.agent.git.names import check_run_id
from moot.agent.git.plumbing import Git, GitFailed
from moot.agent.git.publish import patch_of, reason

__all__ = ["Undoer"]

_AGAIN = "then undo again"


class Undoer:
    """Undoes publications of one repository."""

    def __init__(self, checkout: Checkout, private: Git, journal: Journal, lock: FileLock) -> None:
        self._checkout, self._private, self._journal, self._lock = checkout, private, journal, lock
        self._lander = Lander(checkout, private, journal)

    def undo(self, run_id: str) -> Entry:
        """Take a run back and return what was done.

        Raises:
            Refused: it cannot be taken back; the message says why, and nothing was changed.
        """
        try:
            with self._lock:
                self._lander.recover()
                return self._undo(self._standing(check_run_id(run_id)))
        except RefMoved as exc:
            raise Refused("the branch moved just now: try again") from exc
        except (GitFailed, OSError) as exc:
            raise Refused(f"run {run_id} cannot be taken back: {reason(exc)}") from exc

    def _standing(self, run_id: str) -> Entry:
        """Return a run's publication, which is not taken back yet."""
        entry = self._journal.published(run_id)
        if entry is None:
            raise Refused(f"run {run_id} has published nothing here: there is nothing to undo")
        if done := self._journal.undone(run_id):
            raise Refused(f"run {run_id} was already taken back: {done.how}")
        return entry

    def _undo(self, entry: Entry) -> Entry:
        undone = replace(
            entry,
            action="undo",
            root=str(self._checkout.location.root),
            nanoseconds=time.time_ns(),
            published=None,
            landing=None,
            visible=False,
            moving=0,
        )
        plans: dict[ApplyMode, Callable[[Entry, Entry], Entry]] = {
            ApplyMode.COMMIT: self._plan_branch,
            ApplyMode.BRANCH: self._plan_branch,
            ApplyMode.WORKTREE: self._plan_files,
        }
        if entry.mode == ApplyMode.PATCH:
            return self._remove_patch(entry, undone)
        return self._lander.carry_out(plans[ApplyMode(entry.mode)](entry, undone))

    # --- files and patches --------------------------------------------------------------------------

    def _plan_files(self, entry: Entry, undone: Entry) -> Entry:
        if entry.root != undone.root:
            raise Refused(f"run {entry.run_id} changed files in {entry.root}: undo it there")
        changes = changes_between(self._private, entry.commit, entry.base)
        edits = [edit for edit in edits_of(self._private, changes) if edit.path not in entry.left]
        ours = self._checkout.tree.differing((edit.path, edit.before) for edit in edits)
        original = self._checkout.tree.differing((edit.path, edit.after) for edit in edits)
        if not original:
            raise Refused(f"the files of run {entry.run_id} are already as they were before it")
        changed = sorted(set(ours) & set(original))
        if changed:
            raise Refused(
                f"you have changed {', '.join(changed[:5])} since run {entry.run_id}: nothing was undone; "
                f"`agent show {entry.run_id}` prints the change to take back by hand"
            )
        self._checkout.tree.require_writable(original)
        landing = Landing(None, "", "", entry.commit, entry.base, files=True)
        return replace(undone, landing=landing, how=f"restored {_files(len(original))}")

    def _remove_patch(self, entry: Entry, undone: Entry) -> Entry:
        file = Path(entry.patch_file or "")
        if not file.is_file():
            raise Refused(f"the patch of run {entry.run_id} is already gone from {file}")
        if file.read_bytes() != patch_of(self._private, entry):
            raise Refused(f"{file} was changed since run {entry.run_id}: remove it yourself if you want to")
        file.unlink()
        undone = replace(undone, how=f"removed {file}; if you applied it, that stays")
        self._journal.finish(undone)
        return undone

    # --- branches -----------------------------------------------------------------------------------

    def _plan_branch(self, entry: Entry, undone: Entry) -> Entry:
        """Delete our own branch, move a branch back that nobody built on, or revert."""
        branch, tip = self._find(entry)
        here = branch == self._checkout.branch()
        place = None if here else self._checkout.worktree_of(branch)
        if place is not None:
            raise Refused(f"{branch} is checked out in {place}: undo run {entry.run_id} there")
        undone = replace(undone, branch=branch)
        if tip != entry.published:
            return self._plan_revert(entry, undone, tip, here)
        if entry.mode == ApplyMode.BRANCH and not here:
            if merged := self._others(branch, tip, "refs/heads"):
                raise Refused(
                    f"the commit of run {entry.run_id} is on {merged[0].removeprefix('refs/heads/')} too: "
                    "check that out and undo it there"
                )
            landing = Landing(f"refs/heads/{branch}", tip, "0" * len(tip), tip, tip)
            return replace(undone, landing=landing, how=f"deleted the branch {branch}")
        if self._is_shared(branch, tip):
            return self._plan_revert(entry, undone, tip, here)
        parent = entry.onto or entry.base
        how = f"moved {branch} back to {parent[:10]}"
        return self._checked(replace(undone, how=how), tip, parent, here)

    def _find(self, entry: Entry) -> tuple[str, str]:
        """Return the branch that the run is to be taken back from, and its tip.

        That is the current branch where it has the run, as what is merged is taken back where it is seen;
        else where it was published.
        """
        names = [name for name in (self._checkout.branch(), entry.branch) if name]
        for name in names:
            tip = self._checkout.tip(f"refs/heads/{name}")
            if tip is not None and self._holds(tip, entry):
                return name, tip
        where = " or ".join(dict.fromkeys(names))
        raise Refused(f"the commit of run {entry.run_id} is not on {where} any more: nothing was undone")

    def _holds(self, tip: str, entry: Entry) -> bool:
        """Tell whether a branch has the published commit, or one that was made of it by a rebase."""
        published = str(entry.published)
        if self._checkout.contains(tip, published):
            return True
        words = ("-n", "1", "--fixed-strings", f"--grep=Moot-Run: {entry.run_id}")
        return bool(self._checkout.git.line("rev-list", *words, tip, f"^{entry.base}"))

    def _is_shared(self, branch: str, commit: str) -> bool:
        """Tell whether something else has the commit: another branch, a tag, a remote it was pushed to."""
        return bool(self._others(branch, commit, "refs"))

    def _others(self, branch: str, commit: str, below: str) -> list[str]:
        """Return the other references that have a commit."""
        words = ("for-each-ref", f"--contains={commit}", "--format=%(refname)", below)
        return [ref for ref in self._checkout.git.line(*words).splitlines() if ref != f"refs/heads/{branch}"]

    def _plan_revert(self, entry: Entry, undone: Entry, tip: str, here: bool) -> Entry:
        parent = entry.onto or entry.base
        try:
            tree = merge_trees(self._private, str(entry.published), tip, parent)
        except MergeConflict as exc:
            raise Refused(
                f"later commits changed the same lines in {', '.join(exc.paths[:5])}: nothing was undone; "
                f"`git revert {str(entry.published)[:10]}` lets you resolve that"
            ) from exc
        if tree == self._checkout.git.line("rev-parse", f"{tip}^{{tree}}"):
            raise Refused(f"later commits on {undone.branch} have already taken run {entry.run_id} back")
        original = self._private.run("cat-file", "commit", str(entry.published)).partition(b"\n\n")[2]
        subject = original.partition(b"\n")[0]
        message = b'Revert "%b"\n\nThis takes back commit %b.\n' % (subject, str(entry.published).encode())
        signature = Signature("Moot-Undo", entry.run_id)
        commit = sign(self._private, self._checkout.trusted, tree, tip, message, signature)
        how = f"reverted on {undone.branch} by {commit[:10]}"
        return self._checked(replace(undone, published=commit, how=how), tip, commit, here)

    def _checked(self, undone: Entry, before: str, after: str, here: bool) -> Entry:
        """Add the landing; where the branch is checked out, its files must be free of other changes."""
        if here:
            changes = changes_between(self._private, before, after)
            self._checkout.require_branch(_AGAIN)
            self._checkout.tree.require_plain((change.path for change in changes), "use `git revert`")
            self._checkout.require_clean(changes, index=True, otherwise=_AGAIN)
        ref = f"refs/heads/{undone.branch}"
        return replace(undone, landing=Landing(ref, before, after, before, after, index=here, files=here))


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"
