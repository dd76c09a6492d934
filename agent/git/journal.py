"""What was begun and what was done to the user's repository, beside the private git directory.

An operation is `pending` from before its first visible step until after its last one. Killed in between,
the next command that opens the repository finds it there.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from moot.agent.core.choices import ApplyMode
from moot.agent.core.types import Publication
from moot.agent.git.names import check_run_id
from moot.agent.git.private import write_atomically

__all__ = ["Entry", "Journal", "Landing"]


@dataclass(frozen=True, slots=True)
class Landing:
    """One change of the user's repository.

    Attributes:
        ref: full name of the branch that moves; None when none does.
        old: commit that it has to be at; zeros when it must not exist.
        new: commit that it gets; zeros when it is deleted.
        before, after: commits whose difference the index and the files follow.
        index, files: whether they do.
    """

    ref: str | None
    old: str
    new: str
    before: str
    after: str
    index: bool = False
    files: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A publication, or the undoing of one.

    Attributes:
        base, commit: as they were proposed.
        root: top of the working tree that it is for: linked worktrees share one journal.
        landing: what changes in the repository; None for a patch file.
        onto: commit that the change was put on where that is not `base`.
        visible: whether a first step that the user can see may have been made.
        left: files that their user edited meanwhile, which were left alone.
        how: what an undo did, in words.
        nanoseconds: Unix time at which it began.
        moving: that at which its first visible step began; 0 before.
    """

    run_id: str
    action: Literal["publish", "undo"]
    mode: str
    root: str
    base: str
    commit: str
    nanoseconds: int
    published: str | None = None
    branch: str | None = None
    patch_file: str | None = None
    onto: str | None = None
    model: str = ""
    landing: Landing | None = None
    visible: bool = False
    moving: int = 0
    left: tuple[str, ...] = ()
    how: str = ""

    def publication(self) -> Publication:
        """Return what the run's result says."""
        mode = ApplyMode(self.mode)
        return Publication(mode, self.published, self.branch, self.patch_file, self.onto, self.left)

    def same(self, other: "Entry") -> bool:
        """Tell whether both publish the same commit in the same way."""
        return (self.mode, self.base, self.commit) == (other.mode, other.base, other.commit)


class Journal:
    """The entries of one repository."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def begin(self, entry: Entry) -> None:
        """Note that an operation begins, or how far it has come."""
        write_atomically(self._pending(entry), _encode(entry))

    def finish(self, entry: Entry) -> None:
        """Note that an operation is complete; it stays pending until it is dropped."""
        write_atomically(self._done(entry.action, entry.run_id), _encode(replace(entry, visible=True)))

    def is_done(self, entry: Entry) -> bool:
        """Tell whether just this pending operation was completed before."""
        done = _decode(self._done(entry.action, entry.run_id))
        return done is not None and done.nanoseconds == entry.nanoseconds

    def drop(self, entry: Entry) -> None:
        """Forget a pending operation."""
        self._pending(entry).unlink(missing_ok=True)

    def pending(self, root: Path) -> Iterator[Entry]:
        """Yield what was begun and not finished for a working tree."""
        folder = self._home / "pending"
        for file in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            entry = _decode(file)
            if entry is not None and entry.root == str(root):
                yield entry

    def published(self, run_id: str) -> Entry | None:
        """Return a run's complete publication."""
        return _decode(self._done("publish", run_id))

    def undone(self, run_id: str) -> Entry | None:
        """Return how a run was taken back."""
        return _decode(self._done("undo", run_id))

    def latest(self, root: Path) -> str | None:
        """Return the run that was published last for a working tree and not taken back."""
        folder = self._home / "publications"
        found = [_decode(file) for file in folder.glob("*.json")] if folder.is_dir() else []
        here = [entry for entry in found if entry is not None and entry.root == str(root)]
        standing = [entry for entry in here if self.undone(entry.run_id) is None]
        last = max(standing, key=lambda entry: (entry.nanoseconds, entry.run_id), default=None)
        return last.run_id if last else None

    def _pending(self, entry: Entry) -> Path:
        return self._home / "pending" / f"{entry.action}-{check_run_id(entry.run_id)}.json"

    def _done(self, action: str, run_id: str) -> Path:
        folder = "publications" if action == "publish" else "undone"
        return self._home / folder / f"{check_run_id(run_id)}.json"


def _encode(entry: Entry) -> bytes:
    return json.dumps(asdict(entry)).encode()


def _decode(file: Path) -> Entry | None:
    try:
        fields: dict[str, Any] = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    landing = fields.pop("landing")
    fields["left"] = tuple(fields["left"])
    return Entry(**fields, landing=Landing(**landing) if landing else None)
