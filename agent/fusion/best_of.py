"""Best-of: several candidates -> one, by executed evidence; never worse than the incumbent."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from moot.agent.core.commands import TestReport
from moot.agent.core.types import Candidate
from moot.agent.core.verification import LintDelta, TestDelta

__all__ = ["Contestant", "Verdict", "choose"]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A candidate with what its tests said.

    Attributes:
        verified: the gate's own answer.
        reason: that answer in words.
        demerits: why another candidate that is verified too is to be preferred.
        lint: what the repository's checkers say; None when they were not asked.
    """

    candidate: Candidate
    report: TestReport
    verified: bool
    reason: str = ""
    delta: TestDelta = field(default_factory=TestDelta)
    demerits: tuple[str, ...] = ()
    lint: LintDelta | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The chosen candidate and why, or None when no contestant passed."""

    chosen: Candidate | None
    reason: str
    survivors: int


def choose(contestants: Sequence[Contestant]) -> Verdict:
    """Choose among contestants; the first is the incumbent.

    A challenger replaces the incumbent only when the incumbent fails the gate, or has demerits where
    the challenger has none. Among challengers the largest passing set wins, then the smallest diff,
    then the likeliest under the model.
    """
    alive = [contestant for contestant in contestants if contestant.verified]
    if not alive:
        return Verdict(None, "no candidate passes the tests", 0)
    first = contestants[0]
    best_kind = [contestant for contestant in alive if not contestant.demerits] or alive
    if best_kind[0] is first:
        return Verdict(first.candidate, "the first candidate passes, and none can pass more", len(alive))
    best = max(best_kind, key=_merit)
    why = f"has a fault that others lack ({first.demerits[0]})" if first.verified else "fails"
    reason = f"the first candidate {why}; {best.candidate.id} passes with the smallest change"
    return Verdict(best.candidate, reason, len(alive))


def _merit(contestant: Contestant) -> tuple[int, int, float]:
    candidate = contestant.candidate
    return len(contestant.report.passed), -candidate.changed, candidate.logprob
