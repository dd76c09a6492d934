"""The files that a candidate changes, before and after."""

from collections.abc import Mapping
from dataclasses import dataclass

from moot.agent.core.types import Candidate
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState

__all__ = ["Change", "changes", "plain"]

_PLAIN = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class Change:
    """One file: what it held and holds (None: nothing), its blob id on the base, and its mode."""

    old: bytes | None
    new: bytes | None
    blob: str | None
    mode: str


def changes(candidate: Candidate, state: RunState, deps: Deps) -> Mapping[str, Change]:
    """Return the changed files by path. Blocks."""
    paths = [delta.path for delta in candidate.deltas]
    base = {entry.path: entry for entry in deps.repository.files(state["base"], paths)}
    now = {entry.path: entry for entry in deps.repository.files(candidate.commit, paths)}
    found: dict[str, Change] = {}
    for delta in candidate.deltas:
        old, new = base.get(delta.path), now.get(delta.path)
        either = new or old
        found[delta.path] = Change(
            deps.repository.read(old.blob) if old else None,
            deps.repository.read(new.blob) if new else None,
            old.blob if old else None,
            either.mode if either else _PLAIN[0],
        )
    return found


def plain(found: Mapping[str, Change]) -> bool:
    """Whether all are regular files, no links or modules."""
    return all(change.mode in _PLAIN for change in found.values())
