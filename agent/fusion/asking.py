"""How a participant or a judge is asked about answers to a task: what is packed, fenced and sent.

Who was given the task itself before is asked in the same conversation, after the same bytes, which its server
then has cached: of a long task nothing is read twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from moot.agent.core.messages import ChatMessage, ChatRequest, Completion
from moot.agent.fusion.brief import EMPTY, Brief, fence, fill, pack, room_in
from moot.agent.fusion.seat import Seat
from moot.prompts import render

__all__ = ["Question", "Topic", "ask_about", "follow"]


@dataclass(frozen=True, slots=True)
class Topic:
    """What answers are to.

    Attributes:
        text: the task in words.
        opening: the conversation in which members were asked for them; empty where a question about
            them is not to go on with it.
    """

    text: str
    opening: tuple[ChatMessage, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        prompt: its name; it has the fields of a brief, `evidence` where that is not None, and `fields`.
        purpose: what the ledger calls it.
        tokens: bound of the answer.
        schema: of the answer, given what was packed.
        evidence: what is known of the answers, by ids that can be cited.
        data: further texts, fenced under the names of their fields.
        numbered: whether parts of answers can be cited.
    """

    prompt: str
    purpose: str
    tokens: int
    schema: Callable[[Brief], Mapping[str, Any]] | None = None
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    evidence: Mapping[str, str] | None = None
    data: Mapping[str, str] = field(default_factory=dict[str, str])
    temperature: float = 0.0
    top_logprobs: int = 0
    numbered: bool = False


async def ask_about(
    seat: Seat, topic: Topic, answers: Mapping[str, str], question: Question
) -> tuple[Completion, Brief]:
    """Ask about answers by their labels; return what was written, and what was shown.

    Raises:
        MootError: the call fails, or nothing fits into the window.
    """
    fixed = [render("fusion_system"), _filled(question, EMPTY), *question.data.values()]
    room = await room_in(seat, fixed, question.tokens)
    brief = await pack(seat, topic.text, answers, room, question.evidence or {}, numbered=question.numbered)
    request = ChatRequest(
        _messages(seat, topic, question, brief),
        max_tokens=question.tokens,
        temperature=question.temperature,
        schema=dict(question.schema(brief)) if question.schema else None,
        top_logprobs=question.top_logprobs,
    )
    [written, *_] = await seat.ask(request, question.purpose, shorten=question.schema is None)
    return written, brief


def follow(opening: Sequence[ChatMessage], text: str) -> tuple[ChatMessage, ...]:
    """Return a conversation whose last message goes on, so that what a server has cached of it serves."""
    return (*opening[:-1], replace(opening[-1], content=f"{opening[-1].content}\n\n{text}"))


def _messages(seat: Seat, topic: Topic, question: Question, brief: Brief) -> tuple[ChatMessage, ...]:
    """Go on with the conversation where the seat has read it and its words are to be shown whole."""
    rules, opening = render("fusion_system"), topic.opening
    if brief.whole_task and opening and opening[-1].role == "user" and seat.has_read(opening):
        above = render("fusion_above", key=brief.key).rstrip()
        return follow(opening, f"{above}\n{rules}{_filled(question, replace(brief, task=''))}")
    return (ChatMessage("system", rules), ChatMessage("user", _filled(question, brief)))


def _filled(question: Question, brief: Brief) -> str:
    fenced = {name: fence(brief.key, name, text) if brief.key else "" for name, text in question.data.items()}
    known = {} if question.evidence is None else {"evidence": brief.evidence}
    return fill(question.prompt, brief, **question.fields, **known, **fenced)
