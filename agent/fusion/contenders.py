"""Reports of a pool -> the distinct answers that are worth judging. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from moot.agent.core.errors import ModelAnswerError, ModelUnreachable, MootError, UsageError
from moot.agent.fusion.member import Answer
from moot.agent.fusion.pool import Report

__all__ = ["MAX_CONTENDERS", "Field", "contenders", "no_answer"]

MAX_CONTENDERS = 5
"""Distinct answers that are judged at most: more cost more than they bring."""


@dataclass(frozen=True, slots=True)
class Field:
    """Distinct answers, the incumbent first; the weight of each is that of all that are the same.

    Attributes:
        total: weight of all answers, of which there are `count`.
        notes: what was left out, in sentences.
    """

    answers: tuple[Answer, ...]
    total: float
    count: int = 1
    notes: tuple[str, ...] = ()

    @property
    def incumbent(self) -> Answer:
        """The first answer of the first member that has a whole one."""
        return self.answers[0]

    @property
    def unanimous(self) -> bool:
        """Whether the incumbent is what more than half of several answers say."""
        return self.incumbent.weight > self.total / 2 and len(self.answers) > 1


def contenders(reports: Sequence[Report]) -> Field:
    """Return the field; answers that were cut off count only where all were. It may be empty."""
    everything = [answer for report in reports for answer in report.answers if answer.text.strip()]
    whole = [answer for answer in everything if not answer.cut] or everything
    distinct: dict[str, Answer] = {}
    for answer in whole:
        key = " ".join(answer.text.split())
        before = distinct.get(key)
        distinct[key] = replace(before, weight=before.weight + answer.weight) if before else answer
    answers = tuple(distinct.values())
    notes = _cut_off([answer.id for answer in everything if answer.cut], len(whole) < len(everything))
    total = sum(answer.weight for answer in whole)
    return Field(_foremost(answers), total, len(whole), (*notes, *_left_out(answers)))


def no_answer(reports: Sequence[Report]) -> MootError:
    """Return the error of a pool in which nobody answered."""
    errors = [report.error for report in reports if report.error is not None]
    if len(errors) == 1 and len(reports) == 1:
        return errors[0]
    told = "; ".join(f"{report.member.name}: {report.reason}" for report in reports)
    kinds = (UsageError, ModelUnreachable)
    kind = next((kind for kind in kinds if all(isinstance(error, kind) for error in errors)), None)
    return (kind or ModelAnswerError)(f"no member of the pool answered: {told}")


def _foremost(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """Return the incumbent and the weightiest of the others, in their order."""
    others = sorted(answers[1:], key=lambda answer: -answer.weight)[: MAX_CONTENDERS - 1]
    kept = {answer.id for answer in others}
    return (*answers[:1], *(answer for answer in answers[1:] if answer.id in kept))


def _left_out(answers: tuple[Answer, ...]) -> tuple[str, ...]:
    more = len(answers) - MAX_CONTENDERS
    return (f"{more} of {len(answers)} distinct answers were not judged",) if more > 0 else ()


def _cut_off(ids: Sequence[str], dropped: bool) -> tuple[str, ...]:
    if not ids:
        return ()
    fate = "left out" if dropped else "taken all the same, as no other answer is whole"
    return (f"{', '.join(ids)} has no proper end and is {fate}: allow longer answers",)
