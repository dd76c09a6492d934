"""Debate: one round of defects that can be checked, and one revision by each author."""

import hashlib
import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, Field

from moot.agent.core.errors import MootError
from moot.agent.core.together import together
from moot.agent.fusion.asking import Question, Topic, ask_about
from moot.agent.fusion.member import CUT, Answer, Member
from moot.agent.fusion.ruling import parse, strict_object
from moot.agent.fusion.seat import Seat, Table

__all__ = ["MAX_DEFECTS", "Debate", "Defect", "debate", "evidence_for", "labelled"]

MAX_DEFECTS = 3
"""Defects that one participant may name."""

_CRITIC_TOKENS = 640
_MAX_TEXT = 240
_LEAST_QUOTE = 3
_REVISION_TEMPERATURE = 0.2


@dataclass(frozen=True, slots=True)
class Defect:
    """A claim against an answer. `holds` says that the words it quotes are in the answer."""

    critic: str
    answer: str
    quote: str
    defect: str
    expected: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Debate:
    """What a round brought: every claim, revised answers by the id of the original, and failures."""

    defects: tuple[Defect, ...] = ()
    revised: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    failures: tuple[str, ...] = ()


class _Defect(BaseModel):
    answer: str
    quote: str
    defect: str
    expected: str = ""


class _Defects(BaseModel):
    defects: list[_Defect] = Field(max_length=64)


def labelled(answers: Sequence[Answer], seed: str) -> dict[str, Answer]:
    """Return answers under letters, shuffled: the same seed and texts give the same order."""
    texts = "\0".join([seed, *(answer.text for answer in answers)]).encode("utf-8", "replace")
    shuffled = list(answers)
    random.Random(hashlib.sha256(texts).digest()).shuffle(shuffled)
    return dict(zip(string.ascii_uppercase, shuffled, strict=False))


async def debate(
    table: Table,
    members: Mapping[str, Member],
    topic: Topic,
    answers: Sequence[Answer],
    rubric: str,
    tokens: int,
) -> Debate:
    """Let the author of each answer look for defects in the others, then revise its own once.

    Claims whose quoted words are not in the answer weigh nothing. A participant that fails is left out.

    Args:
        table: where the members sit.
        members: by name.
        topic: the request.
        answers: distinct ones.
        rubric: what is judged by.
        tokens: bound of a revised answer.
    """

    async def criticise(critic: Answer) -> list[Defect] | str:
        others = [answer for answer in answers if answer is not critic]
        return await _criticise(await table.seat(members[critic.member]), topic, critic.id, others, rubric)

    async def revise(own: Answer) -> Answer | str | None:
        against = evidence_for(own, defects)
        if not against:
            return None
        return await _revise(await table.seat(members[own.member]), topic, own, against, tokens)

    said = await together(map(criticise, answers))
    defects = tuple(defect for each in said if not isinstance(each, str) for defect in each)
    written = await together(map(revise, answers))
    revised = {own.id: new for own, new in zip(answers, written, strict=True) if isinstance(new, Answer)}
    return Debate(defects, revised, tuple(each for each in (*said, *written) if isinstance(each, str)))


def evidence_for(answer: Answer, defects: Sequence[Defect]) -> dict[str, str]:
    """Return the claims against an answer that can be checked, under ids like `E1`."""
    held = [defect for defect in defects if defect.answer == answer.id and defect.holds]
    return {f"E{number}": _claim(each) for number, each in enumerate(held[: 2 * MAX_DEFECTS], 1)}


async def _criticise(
    seat: Seat, topic: Topic, critic: str, others: Sequence[Answer], rubric: str
) -> list[Defect] | str:
    names = labelled(others, critic)
    question = Question(
        "fusion_criticise",
        "criticise",
        _CRITIC_TOKENS,
        schema=lambda brief: _schema(list(names)),
        fields={"rubric": rubric},
    )
    try:
        said, _ = await ask_about(seat, topic, {label: each.text for label, each in names.items()}, question)
    except MootError as exc:
        return f"{seat.member.name} names no defects: {exc}"
    written = parse(_Defects, said.text)
    if written is None:
        return f"{seat.member.name} names no defects: its answer is not of the form that was asked for"
    known = [each for each in written.defects[:MAX_DEFECTS] if each.answer in names]
    return [_defect(critic, names[each.answer], each) for each in known]


async def _revise(
    seat: Seat, topic: Topic, own: Answer, against: Mapping[str, str], tokens: int
) -> Answer | str:
    question = Question(
        "fusion_revise",
        "revise",
        min(tokens, seat.context // 3),
        evidence=against,
        temperature=_REVISION_TEMPERATURE,
    )
    try:
        written, _ = await ask_about(seat, topic, {"A": own.text}, question)
    except MootError as exc:
        return f"{own.id} is not revised: {exc}"
    if not written.text.strip() or written.finish in CUT:
        return f"{own.id} is not revised: the new answer has no proper end"
    return replace(own, id=f"{own.id}-revised", text=written.text.strip(), tokens=written.tokens)


def _defect(critic: str, answer: Answer, written: _Defect) -> Defect:
    quote = " ".join(written.quote.split())
    holds = len(quote) >= _LEAST_QUOTE and quote in " ".join(answer.text.split())
    short = (text[:_MAX_TEXT] for text in (quote, written.defect, written.expected))
    return Defect(critic, answer.id, *short, holds=holds)


def _claim(defect: Defect) -> str:
    expected = f" Right would be: {defect.expected}" if defect.expected else ""
    return f"of “{defect.quote}”: {defect.defect}{expected}"


def _schema(labels: Sequence[str]) -> dict[str, Any]:
    text = {"type": "string", "maxLength": _MAX_TEXT}
    label = {"type": "string", "enum": list(labels)}
    defect = strict_object(answer=label, quote=text, defect=text, expected=text)
    return strict_object(defects={"type": "array", "items": defect, "maxItems": MAX_DEFECTS})
