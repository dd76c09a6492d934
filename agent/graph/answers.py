"""Answers to many questions that differ in their last lines: the greedy one of each, and others beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from moot.agent.core.messages import ChatMessage, ChatRequest, Completion
from moot.agent.core.ports import ModelClient
from moot.agent.core.together import together
from moot.agent.graph.faults import ask
from moot.agent.repair.branches import ALTERNATIVES, likeliest
from moot.prompts import render

__all__ = ["SAMPLES", "TOKENS", "Asking", "answers"]

SAMPLES = 3
"""Answers beside the greedy one, which brings most of the fixes: more lines are worth more than these."""
TOKENS = 96
_TEMPERATURE = 0.8
_FENCE = "```"
_NOTHING = Completion("", "stop", 0)


@dataclass(frozen=True, slots=True)
class Asking:
    """How questions are asked.

    Attributes:
        max_tokens: bound of each answer.
        top_p: of answers that are sampled.
        turn: how often they were asked before; what was had then is not asked for again.
        controls: tokens that are no text.
        branching: whether the answers beside the greedy one are the likeliest, each a request of its own,
            where the server can tell which these are and go on with them; else they are sampled.
    """

    max_tokens: int = TOKENS
    top_p: float = 1.0
    turn: int = 0
    controls: tuple[str, ...] = ()
    branching: bool = True


async def answers(client: ModelClient, texts: Sequence[str], how: Asking) -> list[list[Completion]]:
    """Return 1 + SAMPLES answers to each question, the first greedy the first time that it is asked.

    The first request is alone, and fills the server's cache for all others.
    """
    system = ChatMessage("system", render("system"))
    plain = [ChatRequest((system, ChatMessage("user", text)), how.max_tokens) for text in texts]
    greedy: list[list[Completion]] = []
    if how.branching and client.info.continues:
        greedy = await _all(client, [replace(each, top_logprobs=ALTERNATIVES) for each in plain])
        if any(answer.choices for own in greedy for answer in own):
            return await _branching(client, plain, greedy, how)
    count = SAMPLES + bool(how.turn)
    sampled = [replace(each, n=count, temperature=_TEMPERATURE, top_p=how.top_p) for each in plain]
    asked = await _all(client, sampled if how.turn or greedy else [*plain, *sampled])
    found = asked if how.turn else [*greedy, *asked]
    return [[answer for part in found[place :: len(texts)] for answer in part] for place in range(len(texts))]


async def _all(client: ModelClient, requests: Sequence[ChatRequest]) -> list[list[Completion]]:
    first = await ask(client, requests[0])
    return [first, *await together(ask(client, each) for each in requests[1:])]


async def _branching(
    client: ModelClient, plain: Sequence[ChatRequest], greedy: Sequence[Sequence[Completion]], how: Asking
) -> list[list[Completion]]:
    """Return the greedy answers and the likeliest beside them; the next times, the likeliest after those."""

    async def follow(begun: Sequence[tuple[int, str]]) -> list[Completion]:
        rest = await together(ask(client, _begun(plain[n], text)) for n, text in begun)
        return [each[0] if each else _NOTHING for each in rest]

    own = [_fenced(each[0]) if each else _NOTHING for each in greedy]
    if not how.turn:
        beside = await likeliest(follow, own, how.controls, SAMPLES)
        return [[*one, *many] for one, many in zip(greedy, beside, strict=True)]
    had = SAMPLES + (how.turn - 1) * (1 + SAMPLES)
    return await likeliest(follow, own, how.controls, 1 + SAMPLES, had)


def _begun(request: ChatRequest, text: str) -> ChatRequest:
    return replace(request, messages=(*request.messages, ChatMessage("assistant", text)))


def _fenced(answer: Completion) -> Completion:
    """Return an answer whose tokens end with its fence, however that is written: the rest changes nothing."""
    text = ""
    for place, choice in enumerate(answer.choices):
        text += choice.text
        if text.count(_FENCE) > 1:
            likely = tuple(each for each in choice.likely if each[0] == choice.text or _FENCE not in each[0])
            return replace(answer, choices=(*answer.choices[:place], replace(choice, likely=likely)))
    return answer
