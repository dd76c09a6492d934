"""Makes one prepared change visible in the user's repository, and finishes or drops one that was cut off.

Everything that can fail for want of space or permission happens first, inside the git directory. What is
left is one compare-and-swap of a ref, one rename of the index and one rename for each file. Killed before
the ref moved, nothing happened; killed after it, the journal lets the next command finish.
"""

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from moot.agent.core.errors import Refused
from moot.agent.git.changes import Change, changes_between, edits_of, new_objects
from moot.agent.git.checkout import Checkout
from moot.agent.git.journal import Entry, Journal, Landing
from moot.agent.git.plumbing import Git, GitFailed
from moot.agent.git.worktree import FileEdit

__all__ = ["Lander", "RefMoved"]

_INDEX_TRIES = 100
_INDEX_WAIT = 0.05
"""Seconds between tries while another git process holds the index: 5 seconds in all."""

_DEAD_AFTER = 1.0
"""Seconds after which the unchanged lock of a killed process is removed; git holds one for milliseconds."""

_LOCKED_WITHIN = 10_000_000_000
"""Nanoseconds from the beginning of a move to the locks that git takes for it, however slow the machine."""

Signature = tuple[int, int, int] | None


class RefMoved(Exception):
    """Somebody else moved the ref; nothing was changed."""


@dataclass(slots=True)
class _Prepared:
    """What lies ready in `folder`: the new index, made from the one with `signature`, and the new files."""

    folder: Path
    changes: list[Change]
    edits: list[FileEdit]
    signature: Signature = None


class Lander:
    """Lands the entries of one working tree's journal."""

    def __init__(self, checkout: Checkout, private: Git, journal: Journal) -> None:
        self._checkout = checkout
        self._location = checkout.location
        self._private = private
        self._journal = journal

    def carry_out(self, entry: Entry) -> Entry:
        """Land an entry and return it as it is in the journal then.

        Raises:
            RefMoved: its ref is not where it has to be; nothing was changed.
            GitFailed, OSError: something could not be written; nothing was changed.
            Refused: the ref moved, but another process holds the index: the next command finishes.
        """
        landing = _landing(entry)
        self._journal.begin(entry)
        try:
            prepared = self._prepare(entry)
            if landing.index:
                self._checkout.require_unlocked()
            entry = replace(entry, visible=True, moving=time.time_ns())
            self._journal.begin(entry)
            self._move(entry)
        except (RefMoved, GitFailed, OSError, Refused):
            self._drop(entry)
            raise
        return self._complete(entry, prepared)

    def recover(self) -> list[str]:
        """Finish what was cut off after its first visible step, drop what was cut off before it.

        The caller holds the lock on publications, so nobody is at work on what is found.

        Returns:
            One sentence for each operation that was finished.
        """
        told: list[str] = []
        for entry in self._journal.pending(self._location.root):
            self._reap(entry)
            if self._journal.is_done(entry):
                self._drop(entry)
            elif entry.visible and self._is_visible(_landing(entry)):
                done = self._complete(entry, self._prepare(entry))
                told.append(_recovered(done))
            else:
                self._drop(entry)
        return told

    # --- steps; each may be repeated ----------------------------------------------------------------

    def _prepare(self, entry: Entry) -> _Prepared:
        landing, folder = _landing(entry), self._folder(entry)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if landing.ref and landing.new.strip("0"):
            self._transfer(landing)
        changes = changes_between(self._private, landing.before, landing.after)
        prepared = _Prepared(folder, changes, [])
        if landing.index:
            self._prepare_index(prepared)
        if landing.files:
            staged = self._checkout.staged([change.path for change in changes])
            outside = self._checkout.outside(staged)
            wanted = [change for change in changes if change.path not in outside]
            prepared.edits = edits_of(self._private, wanted)
            self._checkout.tree.stage(prepared.edits, folder)
        return prepared

    def _transfer(self, landing: Landing) -> None:
        """Copy the new objects to the user's store; no history is walked, so shallow clones work."""
        wanted = "".join(f"{name}\n" for name in new_objects(self._private, landing.before, landing.new))
        pack = self._private.run("pack-objects", "--stdout", "--quiet", stdin=wanted.encode())
        self._checkout.git.run("unpack-objects", "-q", stdin=pack)

    def _prepare_index(self, prepared: _Prepared) -> None:
        """Write the new index beside the user's; the copy keeps its time, by which git knows racy entries."""
        index, copy = self._checkout.index_file, prepared.folder / "index"
        prepared.signature = _signature(index)
        copy.unlink(missing_ok=True)
        if prepared.signature is not None:
            shutil.copy2(index, copy)
        self._checkout.write_index(copy, prepared.changes)

    def _move(self, entry: Entry) -> None:
        landing = _landing(entry)
        if landing.ref is None:
            return
        words = ("-m", f"moot: {'undo ' if entry.action == 'undo' else ''}run {entry.run_id}")
        deleted = not landing.new.strip("0")
        what = ("-d", landing.ref) if deleted else (landing.ref, landing.new)
        try:
            self._checkout.git.run("update-ref", *words, *what, landing.old)
        except GitFailed as exc:
            found = self._checkout.tip(landing.ref)
            if found == (None if deleted else landing.new):
                return  # git was stopped when it had moved it
            if found != (landing.old if landing.old.strip("0") else None):
                raise RefMoved from exc
            raise

    def _complete(self, entry: Entry, prepared: _Prepared) -> Entry:
        """Let index and files follow the ref, unless its branch is no longer checked out here."""
        landing, left = _landing(entry), list[str]()
        if landing.index and self._is_here(landing):
            self._install_index(landing, prepared)
        if landing.files and self._is_here(landing):
            left = self._checkout.tree.install(prepared.edits, prepared.folder)
        entry = replace(entry, left=tuple(left))
        self._journal.finish(entry)
        self._drop(entry)
        return entry

    def _install_index(self, landing: Landing, prepared: _Prepared) -> None:
        """Put the new index in place under git's own lock; one that changed meanwhile is made anew."""
        index, lock = self._checkout.index_file, self._location.git_dir / "index.lock"
        for _ in range(_INDEX_TRIES):
            if not (prepared.folder / "index").exists():
                return
            if not _take(lock, prepared.folder / "index"):
                time.sleep(_INDEX_WAIT)
            elif _signature(index) == prepared.signature:
                lock.replace(index)
                return
            else:
                lock.unlink()
                if not self._is_here(landing):
                    return
                self._prepare_index(prepared)
        raise Refused(
            f"the branch is updated, but another git process holds {lock}: when it is gone, "
            f"any `agent` command here finishes the index and the files"
        )

    def _drop(self, entry: Entry) -> None:
        """Forget a pending entry, once nothing of it is left in the git directory."""
        self._clean(entry)
        self._journal.drop(entry)

    def _folder(self, entry: Entry) -> Path:
        """Inside the git directory: on the same file system as the files in nearly every case."""
        return self._location.git_dir / "moot" / f"{entry.action}-{entry.run_id}"

    def _clean(self, entry: Entry) -> None:
        folder = self._folder(entry)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.parent.rmdir()
        except OSError:
            return  # another run is at work, or there is none

    # --- after a kill ---------------------------------------------------------------------------

    def _is_here(self, landing: Landing) -> bool:
        return landing.ref is None or landing.ref == f"refs/heads/{self._checkout.branch()}"

    def _is_visible(self, landing: Landing) -> bool:
        """Tell whether the first visible step was made, also when others have built on it since."""
        if landing.ref is None:
            return True
        tip = self._checkout.tip(landing.ref)
        if not landing.new.strip("0"):
            return tip is None
        if tip in (None, landing.old):
            return False
        if landing.old.strip("0") and self._checkout.contains(landing.old, landing.new):
            return not self._checkout.contains(tip, landing.old)
        return self._checkout.contains(tip, landing.new)

    def _reap(self, entry: Entry) -> None:
        """Remove the locks that a killed process of ours left behind, and nobody else's."""
        landing = _landing(entry)
        lock, staged = self._location.git_dir / "index.lock", self._folder(entry) / "index"
        if lock.exists() and staged.exists() and lock.read_bytes() == staged.read_bytes():
            lock.unlink()
        if landing.ref is not None and entry.visible:
            common = self._location.common_dir
            locks = [common / f"{landing.ref}.lock", self._location.git_dir / "HEAD.lock"]
            if not landing.new.strip("0"):  # only to delete a ref git locks the packed ones
                locks.append(common / "packed-refs.lock")
            _remove_dead(locks, landing.new, range(entry.nanoseconds, entry.moving + _LOCKED_WITHIN))


def _landing(entry: Entry) -> Landing:
    assert entry.landing is not None
    return entry.landing


def _signature(file: Path) -> Signature:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size)


def _take(lock: Path, content: Path) -> bool:
    """Create git's lock with its content in one step; by that it can be told from another's."""
    try:
        lock.hardlink_to(content)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        try:
            handle = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return False
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content.read_bytes())
        except BaseException:
            lock.unlink()
            raise
    return True


def _remove_dead(locks: Iterable[Path], new: str, taken: range) -> None:
    """Remove locks that were taken when the entry moved, hold nothing but its id, and do not go away.

    Args:
        locks: that git takes to move the entry's ref.
        new: the id.
        taken: nanoseconds in which it took them.
    """
    suspects = {lock: found for lock in locks if (found := _suspect(lock, new, taken))}
    if suspects:
        time.sleep(_DEAD_AFTER)
    for lock, signature in suspects.items():
        if _suspect(lock, new, taken) == signature:
            lock.unlink()


def _suspect(lock: Path, new: str, taken: range) -> Signature:
    try:
        found, content = lock.stat(), lock.read_bytes().strip()
    except FileNotFoundError:
        return None
    ours = found.st_mtime_ns in taken and content in (b"", new.encode())
    return _signature(lock) if ours else None


def _recovered(entry: Entry) -> str:
    what = "taking back" if entry.action == "undo" else "publishing"
    left = f"; you had edited {', '.join(entry.left)}, which stayed as you left it" if entry.left else ""
    return f"{what} run {entry.run_id} had been cut off and was finished now{left}"
