"""The three modes: how distinct answers become one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from moot.agent.core.choices import FusionMode
from moot.agent.core.errors import MootError
from moot.agent.core.together import together
from moot.agent.fusion.comparison import Comparison, Item, compare
from moot.agent.fusion.contenders import Field
from moot.agent.fusion.debate import Debate, debate, evidence_for, labelled
from moot.agent.fusion.decide import choose, stands
from moot.agent.fusion.judge import Known, PairRuling, judge_pair
from moot.agent.fusion.member import Answer
from moot.agent.fusion.merge import merge
from moot.agent.fusion.pool import Tell
from moot.agent.fusion.request import FusionRequest
from moot.agent.fusion.seat import Table

__all__ = ["Run", "Settled", "settle"]


@dataclass(frozen=True, slots=True)
class Run:
    """One fusion while it runs."""

    request: FusionRequest
    table: Table
    tell: Tell

    @property
    def rubric(self) -> str:
        """What is judged by."""
        return self.request.criteria.text


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer, and how it came about."""

    answer: Answer
    reason: str
    rulings: tuple[PairRuling, ...] = ()
    comparison: Comparison | None = None
    debate: Debate = field(default_factory=Debate)
    notes: tuple[str, ...] = ()


async def settle(run: Run, field: Field) -> Settled:
    """Make one answer of a field; with a single one there is nothing to judge."""
    if len(field.answers) == 1:
        only = field.count == 1
        return Settled(field.incumbent, "it is the only answer" if only else "all answers are the same")
    match run.request.mode:
        case FusionMode.BEST_OF:
            return await _best_of(run, field)
        case FusionMode.MERGE:
            return await _merged(run, field)
        case FusionMode.DEBATE:
            return await _debated(run, field)


async def _best_of(run: Run, field: Field) -> Settled:
    if field.unanimous:
        return Settled(field.incumbent, "more than half of the answers say the same as the first")
    return await _judged(run, field.incumbent, field.answers[1:])


async def _judged(
    run: Run, incumbent: Answer, challengers: Sequence[Answer], defects: Debate | None = None
) -> Settled:
    """Have each challenger compared with the incumbent, and choose."""
    rulings, failure = await _rulings(run, incumbent, challengers, defects or Debate())
    decision = choose(incumbent.id, [each.challenge for each in rulings], run.request.criteria.threshold)
    chosen = next(answer for answer in (incumbent, *challengers) if answer.id == decision.chosen)
    reason = f"the judge cannot be used, so the first answer stays: {failure}" if failure else decision.reason
    return Settled(chosen, reason, rulings, notes=_errors(rulings))


async def _rulings(
    run: Run, incumbent: Answer, challengers: Sequence[Answer], debated: Debate
) -> tuple[tuple[PairRuling, ...], str]:
    """Return a ruling for each challenger, or none and why."""
    try:
        seat = await run.table.seat(run.request.judging)
    except MootError as exc:
        return (), str(exc)
    topic, criteria = run.request.topic, run.request.criteria
    rulings = await together(
        judge_pair(seat, topic, (incumbent, one), criteria, _known((incumbent, one), debated))
        for one in challengers
    )
    for ruling in rulings:
        run.tell(
            f"judge: {incumbent.id} or {ruling.challenger}: {ruling.verdict}, P(better) {ruling.better:.2f}"
        )
    return tuple(rulings), ""


def _known(answers: Sequence[Answer], debated: Debate) -> Known:
    """Return what the debate holds against these answers, by their letters; revised ones have had theirs."""
    held = [(each.id, text) for each in answers for text in evidence_for(each, debated.defects).values()]

    def known(letters: Mapping[str, str]) -> Mapping[str, str]:
        return {f"E{number}": f"answer {letters[own]}, {text}" for number, (own, text) in enumerate(held, 1)}

    return known


async def _merged(run: Run, field: Field) -> Settled:
    """Compare, then write; without either the best of the answers as they are is taken."""
    names = labelled(field.answers, "compare")
    ids = {label: answer.id for label, answer in names.items()}
    texts = {label: answer.text for label, answer in names.items()}
    comparison, why = await _compared(run, texts)
    if comparison is None:
        return await _raw(run, field, None, why)
    shown = _named(comparison, ids)
    written = await _written(run, field.incumbent, texts, comparison)
    if isinstance(written, str):
        return await _raw(run, field, shown, written)
    return await _checked(run, field.incumbent, written, shown)


async def _compared(run: Run, texts: Mapping[str, str]) -> tuple[Comparison | None, str]:
    run.tell(f"{run.request.judging.name} compares {len(texts)} answers")
    try:
        seat = await run.table.seat(run.request.judging)
    except MootError as exc:
        return None, str(exc)
    return await compare(seat, run.request.topic, texts, run.rubric)


async def _written(
    run: Run, incumbent: Answer, texts: Mapping[str, str], comparison: Comparison
) -> Answer | str:
    """Have the incumbent's model write the final answer."""
    run.tell(f"{incumbent.member} writes the final answer")
    member = next(each for each in run.request.members if each.name == incumbent.member)
    try:
        seat = await run.table.seat(member)
    except MootError as exc:
        return str(exc)
    return await merge(seat, run.request.topic, texts, comparison, run.request.answer_tokens)


async def _checked(run: Run, incumbent: Answer, written: Answer, comparison: Comparison) -> Settled:
    """Take the merged answer unless the judge objects to it."""
    written = replace(written, weight=incumbent.weight)
    rulings, failure = await _rulings(run, incumbent, [written], Debate())
    if rulings and stands(rulings[0].challenge, run.request.criteria.threshold):
        reason = "it is written from all answers, and the judge does not find it worse than the first"
        return Settled(written, reason, rulings, comparison, notes=_errors(rulings))
    reason = failure or "the judge does not find the merged answer as good as the first, which stays"
    return Settled(incumbent, reason, rulings, comparison, notes=_errors(rulings))


async def _raw(run: Run, field: Field, comparison: Comparison | None, why: str) -> Settled:
    """Fall back to the best of the answers as they are."""
    run.tell(f"nothing is merged: {why}")
    settled = await _best_of(run, field)
    notes = (f"nothing was merged: {why}", *settled.notes)
    return replace(settled, comparison=comparison, notes=notes)


async def _debated(run: Run, field: Field) -> Settled:
    """One round of defects and revisions, then the judge; the incumbent is the answer as it was."""
    run.tell(f"{len(field.answers)} participants look for defects")
    request = run.request
    members = {member.name: member for member in request.members}
    held = await debate(run.table, members, request.topic, field.answers, run.rubric, request.answer_tokens)
    checkable = sum(defect.holds for defect in held.defects)
    run.tell(
        f"{len(held.defects)} defects, {checkable} can be checked; {len(held.revised)} answers are revised"
    )
    others = [held.revised.get(answer.id, answer) for answer in field.answers[1:]]
    own = held.revised.get(field.incumbent.id)
    settled = await _judged(run, field.incumbent, [*others, own] if own else others, held)
    return replace(settled, debate=held, notes=(*held.failures, *settled.notes))


def _named(comparison: Comparison, ids: Mapping[str, str]) -> Comparison:
    """Return a comparison with the ids of answers in place of letters."""

    def named(items: Sequence[Item]) -> tuple[Item, ...]:
        return tuple(replace(item, answers=tuple(ids[label] for label in item.answers)) for item in items)

    return Comparison(**{name: named(items) for name, items in comparison.lists.items()})


def _errors(rulings: Sequence[PairRuling]) -> tuple[str, ...]:
    """Return each failure of the judge once."""
    return tuple(dict.fromkeys(order.error for ruling in rulings for order in ruling.orders if order.error))
