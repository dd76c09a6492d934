"""What was argued over the patches of one round, so that a person can follow it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from moot.agent.fusion.claims import Tried
from moot.agent.fusion.evidence import Evidence
from moot.agent.fusion.judge import PairRuling
from moot.agent.fusion.ledger import Entry

__all__ = ["FILE", "Entrant", "Transcript", "add", "load"]

FILE = "debate.json"
"""Name of the file in a run's folder."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A candidate that took part.

    Attributes:
        author: the member that wrote it.
        generator: `chat`, `fim`, `rewrite` or `merge`.
        cluster: those of one number behaved alike in everything that was tried; 0 for those that fail.
        votes: answers that came to the same edit.
        verified: whether it passed the gate; `reason` says why, or why not.
        revises: id of the candidate that it is the revision of; empty for none.
    """

    id: str
    author: str
    generator: str
    diff: str
    cluster: int
    votes: int
    verified: bool
    reason: str
    revises: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """One round.

    Attributes:
        incumbent: the first candidate.
        leader: the one that the tests prefer; None when none passes.
        chosen: the winner, and `reason` why.
        evidence: every row, by the ids that the judge cites.
        trials: what was run beside the tests, with the claims that they come from.
        rulings: the judge's, in both orders.
        calls: what was used, call by call.
        alone_tokens: that the run had used before: what one model alone takes.
        notes: what went wrong on the way, and why steps were left out.
    """

    round: int
    mode: str
    incumbent: str
    leader: str | None
    chosen: str | None
    reason: str
    entrants: tuple[Entrant, ...]
    evidence: tuple[Evidence, ...] = ()
    trials: tuple[Tried, ...] = ()
    rulings: tuple[PairRuling, ...] = ()
    calls: tuple[Entry, ...] = ()
    alone_tokens: int = 0
    notes: tuple[str, ...] = ()


_STORED = TypeAdapter(list[Transcript])


def load(folder: Path) -> list[Transcript]:
    """Return the rounds of a run that were argued; a file that is missing or damaged holds none."""
    try:
        return _STORED.validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return []


def add(folder: Path, transcript: Transcript) -> None:
    """Store a round in a run's folder, in place of an earlier attempt at the same one."""
    rounds = [each for each in load(folder) if each.round != transcript.round]
    _write(folder, [*rounds, transcript])


def _write(folder: Path, rounds: Sequence[Transcript]) -> None:
    new = folder / f"{FILE}.new"
    new.write_bytes(_STORED.dump_json(list(rounds), indent=1))
    new.replace(folder / FILE)
