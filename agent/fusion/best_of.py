"""Best-of: several candidates -> one, by executed evidence; never worse than the incumbent."""

from collections.abc import Sequence
from dataclasses import dataclass

from moot.agent.core.commands import TestReport
from moot.agent.core.types import Candidate

__all__ = ["Contestant", "Verdict", "choose"]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A candidate with what its tests said; `verified` is the gate's own answer."""

    candidate: Candidate
    report: TestReport
    verified: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The chosen candidate and why, or None when no contestant passed."""

    chosen: Candidate | None
    reason: str
    survivors: int


def choose(contestants: Sequence[Contestant]) -> Verdict:
    """Choose among contestants; the first is the incumbent.

    A challenger replaces the incumbent only when the incumbent fails the gate. Among challengers
    the largest passing set wins, then the smallest diff, then the likeliest under the model.
    """
    alive = [contestant for contestant in contestants if contestant.verified]
    if not alive:
        return Verdict(None, "no candidate passes the tests", 0)
    if alive[0] is contestants[0]:
        return Verdict(alive[0].candidate, "the first candidate passes, and none can pass more", len(alive))
    best = max(alive, key=_merit)
    reason = f"the first candidate fails; {best.candidate.id} passes with the smallest change"
    return Verdict(best.candidate, reason, len(alive))


def _merit(contestant: Contestant) -> tuple[int, int, float]:
    candidate = contestant.candidate
    return len(contestant.report.passed), -candidate.changed, candidate.logprob
