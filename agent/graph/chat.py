"""Chat drafts: a greedy incumbent and samples, all from one byte-identical prefix."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace

from moot.agent.core.errors import LimitReached, ModelError
from moot.agent.core.events import ModelCalled, Notice, TokensStreamed
from moot.agent.core.messages import ChatMessage, ChatRequest, Completion, Usage
from moot.agent.core.types import EditFormat
from moot.agent.edits.json_answer import ANSWER_SCHEMA
from moot.agent.fusion.member import CUT
from moot.agent.graph.conversation import messages, read, size
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import Draft, Pace, RunState
from moot.prompts import render

__all__ = ["Take", "Writing", "chat_drafts", "sampled_drafts"]

Take = Callable[[Draft], None]
"""Sees an answer at its end, while others are still written."""


class Writing:
    """The incumbent's answer while it is written: others begin with its first token, and wait for its last.

    Attributes:
        pace: how long it took; None until it has ended.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self.first, self.ended, self.pace = asyncio.Event(), asyncio.Event(), pace
        self._started, self._first = time.monotonic(), 0.0
        if pace is not None:
            self.first.set()
            self.ended.set()

    def begin(self) -> None:
        """Say that a token is there."""
        if not self.first.is_set():
            self._first = time.monotonic() - self._started
            self.first.set()

    def end(self) -> Pace:
        """Say that it has ended."""
        self.begin()
        self.pace = Pace(self._first, time.monotonic() - self._started)
        self.ended.set()
        return self.pace


async def chat_drafts(state: RunState, deps: Deps, writing: Writing) -> RunState:
    """Ask for edits; after a rejected answer the conversation goes on from it.

    The incumbent is greedy. A repair round adds samples: what one answer missed, another may find.
    """
    state = {**state, "said": await _said(state, deps)}

    def streamed(text: str) -> None:
        writing.begin()
        deps.emit(TokensStreamed("propose", text))

    answers = await _ask(await _request(state, deps, 1), deps, streamed)
    pace, number = writing.end(), state["round"] + 1
    drafts = _drafts(answers, number, first=1)
    if number > 1 and deps.settings.samples > 1:
        drafts += await _samples_beside(state, deps)
    return {"drafts": drafts, "answer": answers[0].text, "said": state["said"], "pace": pace}


async def _samples_beside(state: RunState, deps: Deps) -> tuple[Draft, ...]:
    """Sample beside an answer that is there, which is tried by itself where that fails."""
    try:
        return await sampled_drafts(state, deps, deps.settings.samples - 1)
    except (LimitReached, ModelError) as exc:
        deps.emit(Notice("warning", f"only one answer is tried: {exc}"))
        return ()


async def sampled_drafts(
    state: RunState,
    deps: Deps,
    count: int,
    first: int = 2,
    take: Take | None = None,
    used: Callable[[Usage], None] | None = None,
) -> tuple[Draft, ...]:
    """Sample further answers to the incumbent's own prompt, which the server has cached.

    `take` sees each at its end, `used` what was used, however that ends.
    """
    deps.limits.check()
    generation = deps.generation
    request = replace(
        await _request(state, deps, count),
        n=count,
        temperature=generation.temperature,
        top_p=generation.top_p,
    )
    number, positions = state["round"] + 1, itertools.count(first)

    def ended(answer: Completion) -> None:
        if take:
            take(_draft(answer, number, next(positions)))

    return _drafts(await _ask(request, deps, on_answer=ended, used=used), number, first)


def _drafts(answers: list[Completion], number: int, first: int) -> tuple[Draft, ...]:
    return tuple(_draft(answer, number, position) for position, answer in enumerate(answers, start=first))


def _draft(answer: Completion, number: int, position: int) -> Draft:
    return Draft(f"chat-{number}.{position}", "chat", answer.text, answer.logprob, cut=answer.finish in CUT)


async def _said(state: RunState, deps: Deps) -> tuple[ChatMessage, ...]:
    """Return what follows the task: all earlier rounds, or where the window has no room for them the last."""
    said = state["said"]
    if not (state.get("answer") and state["feedback"]):
        return said
    last = (
        ChatMessage("assistant", state["answer"]),
        ChatMessage("user", render("repair", feedback=state["feedback"])),
    )
    whole = (*read(deps.folder).opening, *said, *last)
    if await size(whole, deps) <= deps.client.info.context - deps.generation.answer_tokens:
        return (*said, *last)
    deps.warn_once("the model's window has no room for all answers of this run: it sees only its last one")
    return last


async def _request(state: RunState, deps: Deps, answers: int) -> ChatRequest:
    said, wanted = messages(state, deps), deps.generation.answer_tokens
    prompt = await size(said, deps) if deps.limits.tokens_left is not None else 0
    return ChatRequest(
        said,
        max_tokens=deps.limits.answer(wanted, prompt, answers),
        schema=ANSWER_SCHEMA if deps.generation.edit_format is EditFormat.JSON else None,
    )


async def _ask(
    request: ChatRequest,
    deps: Deps,
    on_token: Callable[[str], None] | None = None,
    on_answer: Callable[[Completion], None] | None = None,
    used: Callable[[Usage], None] | None = None,
) -> list[Completion]:
    spent, started = list[Usage](), time.monotonic()
    try:
        return await deps.client.chat(request, on_token, spent.append, on_answer)
    finally:
        total = sum(spent, Usage())
        deps.emit(ModelCalled("propose", total, time.monotonic() - started))
        if used:
            used(total)
