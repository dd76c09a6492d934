"""What became of published edits, as the repository's own history tells."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from moot.agent.core.outcomes import RIPE_DAYS, Fate, Outcome
from moot.agent.outcomes.store import OutcomeStore

__all__ = ["LaterCommit", "Past", "fate_of", "settle_open"]

_RIPE = RIPE_DAYS * 86_400
_MOST_LATER = 500
"""Later commits in the same files that are looked at."""


class LaterCommit(Protocol):
    """A commit after the published one."""

    @property
    def commit(self) -> str:
        """Its id."""
        ...

    @property
    def seconds(self) -> int:
        """Its time, since 1970."""
        ...

    @property
    def message(self) -> str:
        """Its whole message."""
        ...


class Past(Protocol):
    """The history of the repository that an edit was published in."""

    @property
    def head(self) -> str:
        """Id of the commit that is looked from."""
        ...

    def changed_paths(self, commit: str) -> list[str]:
        """Return the files that a commit changes."""
        ...

    def later(self, commit: str, paths: Sequence[str], limit: int) -> Sequence[LaterCommit] | None:
        """Return the commits after one that change paths, the oldest first; None where it is not there."""
        ...

    def overwritten(self, commit: str, later: str, paths: Sequence[str]) -> bool:
        """Tell whether a later commit changes lines that a commit wrote."""
        ...

    def lines_left(self, commit: str, at: str, paths: Sequence[str]) -> int:
        """Return how many lines of files at a commit another one wrote."""
        ...


Says = Callable[[str], bool]
"""Tells from a commit's message whether it does something."""


def settle_open(
    store: OutcomeStore,
    past: Past,
    root: str,
    says: tuple[Says, Says],
    now: int | None = None,
    most: int | None = None,
) -> int:
    """Look for the fate of the open edits in a repository; return how many are settled now.

    Args:
        root: top of the working tree.
        says: whether a message says that its commit fixes, and that it takes back.
        now: in seconds since 1970.
        most: edits that are looked at, the oldest first; None: all.
    """
    now = int(time.time()) if now is None else now
    settled = 0
    for outcome in store.open_in(root, past.head, now - _RIPE)[:most]:
        fate, at = fate_of(outcome, past, says, now)
        if fate is Fate.OPEN:
            store.look(outcome.run_id, past.head)
            continue
        store.settle(outcome.run_id, fate, at)
        settled += 1
    return settled


def fate_of(outcome: Outcome, past: Past, says: tuple[Says, Says], now: int) -> tuple[Fate, int]:
    """Return what became of an edit and since when, in seconds since 1970; `OPEN` while that is not known.

    Reverted: a later commit names it (`This reverts commit …`), or says that it takes something back and
    leaves none of its lines. Fixed: one whose subject says so changes its lines. Else it is kept after
    30 days; where its commit is not in the history by then, nothing is known and it is lost.
    """
    ripe = now - outcome.at >= _RIPE
    later = past.later(outcome.commit, paths, _MOST_LATER) if (paths := _paths(outcome, past)) else None
    if later is None:
        return (Fate.LOST, now) if ripe else (Fate.OPEN, 0)
    fixes, reverts = says
    for one in later:
        if one.seconds - outcome.at > _RIPE:
            break
        named = f"This reverts commit {outcome.commit}" in one.message
        if named or (reverts(one.message) and _is_gone(outcome.commit, one.commit, past, paths)):
            return Fate.REVERTED, one.seconds
        if fixes(one.message) and past.overwritten(outcome.commit, one.commit, paths):
            return Fate.FIXED, one.seconds
    return (Fate.KEPT, outcome.at + _RIPE) if ripe else (Fate.OPEN, 0)


def _is_gone(commit: str, at: str, past: Past, paths: Sequence[str]) -> bool:
    """Tell whether a commit wrote lines, and none of them is left at another."""
    return past.lines_left(commit, commit, paths) > 0 and past.lines_left(commit, at, paths) == 0


def _paths(outcome: Outcome, past: Past) -> list[str]:
    return past.changed_paths(outcome.commit) if outcome.commit else []
