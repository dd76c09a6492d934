"""Which of several patches is taken: by executed evidence first, then by a judge; never worse. Pure.

The leader is what the tests choose (`best_of`). Another one takes its place only if it passes every check
that the leader passes, and wins a distinguishing test whose value is endorsed, or a calibrated judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from moot.agent.fusion.best_of import Contestant
from moot.agent.fusion.claims import Tried, against
from moot.agent.fusion.decide import Challenge, Decision, choose
from moot.agent.fusion.judge import PairRuling

__all__ = ["ENDORSED", "Findings", "covers", "decide", "undecided"]

ENDORSED = 0.5
"""Weight of endorsed values by which one patch has to be ahead: of three predictions all must agree, for
most wrong tests that a model writes are not wrong in every sample."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known beside the gate.

    Attributes:
        objections: weight of what was found against the behaviour of each candidate, by id.
        tried: trials that were run.
        rulings: of the judge, by the challenger.
    """

    objections: Mapping[str, int] = field(default_factory=dict[str, int])
    tried: Sequence[Tried] = ()
    rulings: Mapping[str, PairRuling] = field(default_factory=dict[str, PairRuling])

    def ahead(self, challenger: str, leader: str) -> float:
        """Return by how much endorsed values speak for the challenger, where both were seen to run.

        Values of less weight do not add up to one of more: models err together.
        """
        sure = [each for each in self.tried if each.endorsed and each.endorsed.weight >= ENDORSED]
        both = [each for each in sure if each.tells(challenger) and each.tells(leader)]
        return against(both, leader) - against(both, challenger)


def covers(challenger: Contestant, leader: Contestant, findings: Findings) -> bool:
    """Return whether a challenger passes every check that the leader passes."""
    one, other = challenger.candidate.id, leader.candidate.id
    return (
        challenger.verified
        and challenger.report.passed >= leader.report.passed
        and set(challenger.demerits) <= set(leader.demerits)
        and findings.objections.get(one, 0) <= findings.objections.get(other, 0)
    )


def undecided(leader: Contestant, others: Sequence[Contestant], findings: Findings) -> list[Contestant]:
    """Return those who may take the leader's place and of whom evidence does not tell: a judge's business."""
    return [
        one
        for one in others
        if covers(one, leader, findings)
        and abs(findings.ahead(one.candidate.id, leader.candidate.id)) < ENDORSED
    ]


def decide(
    leader: Contestant, others: Sequence[Contestant], findings: Findings, threshold: float
) -> Decision:
    """Choose; the leader stays unless another one passes the same checks and something speaks for it."""
    challenges = [_challenge(one, leader, findings) for one in others if covers(one, leader, findings)]
    return choose(leader.candidate.id, challenges, threshold)


def _challenge(one: Contestant, leader: Contestant, findings: Findings) -> Challenge:
    """Return what speaks for a challenger; what was executed goes before what a judge thinks."""
    candidate = one.candidate
    ahead = findings.ahead(candidate.id, leader.candidate.id)
    if ahead >= ENDORSED:  # the more values speak for it the higher it stands among others of the kind
        return Challenge(candidate.id, "tie", 1 - 0.5 / (1 + ahead), True, candidate.changed)
    ruling = findings.rulings.get(candidate.id)
    if ruling is None or ahead <= -ENDORSED:
        return Challenge(candidate.id, "tie", 0.5, length=candidate.changed)
    return replace(ruling.challenge, length=candidate.changed)
