"""Fusion of models for text: one prompt -> many answers -> one, with what it took."""

from collections.abc import Sequence
from functools import partial

from moot.agent.core.errors import LimitReached, ModelAnswerError, MootError, UsageError
from moot.agent.core.messages import ChatRequest, Completion, Usage
from moot.agent.fusion.contenders import contenders, no_answer
from moot.agent.fusion.ledger import Account, Alone, Ledger
from moot.agent.fusion.member import CUT, Answer, Member
from moot.agent.fusion.modes import Run, settle
from moot.agent.fusion.pool import Report, Tell, gather
from moot.agent.fusion.request import FusionOutcome, FusionRequest
from moot.agent.fusion.seat import LEAST_ANSWER, Connect, Seat, Table

__all__ = ["fuse_text"]

_ANSWERS_SHARE = 0.6
"""Part of the cap on tokens that answers may take where there is something to judge."""


async def fuse_text(
    request: FusionRequest, connect: Connect, tell: Tell = lambda text: None
) -> FusionOutcome:
    """Ask a pool, and make one answer of theirs.

    A member, judge or limit that fails on the way costs what it would have brought and not the answer.

    Args:
        request: what is asked.
        connect: reaches a member's server.
        tell: told what happens, in sentences.

    Raises:
        ModelError: no member answered.
        LimitReached: no member answered within the limits.
        UsageError: the prompt is empty or too long, or no member can be used as it is named.
    """
    if not any(each.content.strip() for each in request.messages if each.role != "system"):
        raise UsageError("the prompt is empty: pass a question or a task")
    ledger = Ledger(request.caps)
    table = Table(connect, ledger)
    try:
        reports = await gather(request.members, partial(_answers, request, table), tell, request.patience)
        return await _settled(request, table, reports, tell)
    finally:
        await table.close()


async def _settled(
    request: FusionRequest, table: Table, reports: Sequence[Report], tell: Tell
) -> FusionOutcome:
    field = contenders(reports)
    if not field.answers:
        raise _failure(table.ledger, reports)
    for note in field.notes:
        tell(note)
    settled = await settle(Run(request, table, tell), field)
    return FusionOutcome(
        answer=settled.answer,
        reason=settled.reason,
        mode=request.mode,
        judge=request.judging.name,
        reports=tuple(reports),
        comparison=settled.comparison,
        rulings=settled.rulings,
        debate=settled.debate,
        account=_account(table.ledger, reports),
        limit=table.ledger.limit,
        notes=(*field.notes, *settled.notes),
    )


async def _answers(request: FusionRequest, table: Table, member: Member) -> tuple[Answer, ...]:
    """Ask one member for all of its samples, in one request."""
    seat = await table.seat(member)
    asked = ChatRequest(
        request.messages,
        max_tokens=await _answer_tokens(request, seat),
        temperature=member.heat,
        n=member.samples,
    )
    written = await seat.ask(asked, "answer", shorten=True)
    answers = tuple(_answer(member, number, each) for number, each in enumerate(written, 1))
    if not any(answer.text for answer in answers):
        raise ModelAnswerError(f"{member.name} answered with nothing")
    return answers


def _answer(member: Member, number: int, written: Completion) -> Answer:
    text = written.text.encode("utf-8", "replace").decode().strip()
    name = member.name if member.samples == 1 else f"{member.name}#{number}"
    return Answer(name, member.name, text, written.tokens, member.weight, written.finish in CUT)


async def _answer_tokens(request: FusionRequest, seat: Seat) -> int:
    """Return the bound of one answer: what was asked for, half of the window, a share of the cap."""
    bound = min(request.answer_tokens, seat.context // 2)
    samples = sum(member.samples for member in request.members)
    if request.caps.tokens is None or samples == 1:
        return bound
    prompt = sum(await seat.count([message.content for message in request.messages]))
    share = _ANSWERS_SHARE * request.caps.tokens / samples
    room = min(bound, int(share - prompt / seat.member.samples))
    return room if room >= min(bound, LEAST_ANSWER) else bound  # one answer rather than scraps of all


def _failure(ledger: Ledger, reports: Sequence[Report]) -> MootError:
    error = no_answer(reports)
    return LimitReached(str(error)) if ledger.limit else error


def _account(ledger: Ledger, reports: Sequence[Report]) -> Account:
    return Account(tuple(ledger.entries), ledger.seconds, _alone(ledger, reports))


def _alone(ledger: Ledger, reports: Sequence[Report]) -> Alone | None:
    """Return what the first answer would have taken by itself: its request with one sample.

    Of a server that gives one answer a request the prompt was read once for each.
    """
    first = next((report for report in reports if report.answers), None)
    if first is None:
        return None
    mine = (each for each in ledger.entries if each.member == first.member.name and each.purpose == "answer")
    usage = next((entry.usage for entry in mine if entry.done), Usage())
    prompt = usage.prompt // max(1, usage.requests)
    written = first.answers[0].tokens
    return Alone(first.member.name, prompt + written, first.seconds, first.member.cost(prompt, written))
