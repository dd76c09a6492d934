"""Best-of: several candidates -> one, by executed evidence; never worse than the incumbent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

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


def choose(
    contestants: Sequence[Contestant],
    against: Mapping[str, int] = MappingProxyType({}),
    mass: Mapping[str, float] = MappingProxyType({}),
) -> Verdict:
    """Choose among contestants; the first is the incumbent.

    A challenger replaces the incumbent only when the incumbent fails the gate, or when it passes every test
    that the incumbent passes and the incumbent has demerits where the challenger has none, passes fewer
    tests, or has more against its behaviour. Among challengers the largest passing set wins, then the
    largest cluster, then the smallest diff, then the likeliest under the model.

    Args:
        contestants: what the gate said of each.
        against: weight of what was found against the behaviour of each, by id.
        mass: of the cluster of each, by id: the answers that came to its behaviour.
    """
    alive = [contestant for contestant in contestants if contestant.verified]
    if not alive:
        return Verdict(None, "no candidate passes the tests", 0)
    first = contestants[0]
    able = [one for one in alive if not first.verified or _covers(one, first)]
    best_kind = [contestant for contestant in able if not contestant.demerits] or able
    common = _common(alive)
    most = max(len(contestant.report.passed & common) for contestant in best_kind)
    best_kind = [one for one in best_kind if len(one.report.passed & common) == most]
    least = min(against.get(contestant.candidate.id, 0) for contestant in best_kind)
    best_kind = [one for one in best_kind if against.get(one.candidate.id, 0) == least]
    if best_kind[0] is first:
        return Verdict(first.candidate, "the first candidate passes, and none is found better", len(alive))
    best = max(best_kind, key=lambda one: _merit(one, mass))
    why = _why(first, common, most)
    reason = f"the first candidate {why}; {best.candidate.id} passes and is the best of the others"
    return Verdict(best.candidate, reason, len(alive))


def _covers(one: Contestant, first: Contestant) -> bool:
    """Return whether one passes what the first passes, flaky tests aside, and has no demerit of its own."""
    steady = first.report.passed - {*first.delta.flaky, *one.delta.flaky}
    return one.report.passed >= steady and set(one.demerits) <= set(first.demerits)


def _common(alive: Sequence[Contestant]) -> frozenset[str]:
    """Return the steady tests that ran with each: none that a candidate brings, or that one was spared."""
    ran = [frozenset(case.id for case in one.report.cases) for one in alive if one.report.cases]
    flaky = {test for one in alive for test in one.delta.flaky}
    return ran[0].intersection(*ran) - flaky if ran else frozenset[str]()


def _why(first: Contestant, common: frozenset[str], most: int) -> str:
    if not first.verified:
        return "fails"
    if not first.demerits and len(first.report.passed & common) < most:
        return "passes fewer tests than others"
    fault = first.demerits[0] if first.demerits else "in its behaviour"
    return f"has a fault that others lack ({fault})"


def _merit(contestant: Contestant, mass: Mapping[str, float]) -> tuple[float, int, float]:
    candidate = contestant.candidate
    return mass.get(candidate.id, 1.0), -candidate.changed, candidate.logprob
