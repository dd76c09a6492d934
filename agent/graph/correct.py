"""Corrections: the most suspicious lines, one a prompt, many answers in one batch."""

import asyncio
import html
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from anyio import to_thread

from moot.agent.core.events import CandidatesGenerated, ModelCalled
from moot.agent.core.messages import ChatMessage, ChatRequest, Completion
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import described
from moot.agent.graph.faults import Suspected, span_drafts, suspected
from moot.agent.graph.state import RunState
from moot.agent.repair.correct import Passage, corrected, passages
from moot.agent.repair.infill import Infill, distinct
from moot.agent.repair.source import Source
from moot.agent.syntax import language_of
from moot.prompts import render

__all__ = ["correct_drafts"]

_LINES = 6
_SAMPLES = 7
"""Answers beside the greedy one."""
_TEMPERATURE = 0.8
_TOKENS = 96


async def correct_drafts(state: RunState, deps: Deps, number: int) -> RunState:
    """Return the drafts of batch `number` (from 0), best first; none where fewer lines are suspicious."""
    case = await suspected(state, deps)
    sources = {path: Source.parse(path, data) for path, (_, data) in case.sources.items()}
    chosen = (await to_thread.run_sync(passages, case.found, sources))[
        _LINES * number : _LINES * (number + 1)
    ]
    left = deps.settings.max_candidates - len(state["seen"])
    update: RunState = {"localisation": case.found, "drafts": (), "answer": "", "feedback": ""}
    if left <= 0 or not chosen:
        return update
    answers = await _ask(await _requests(chosen, case, state, deps), deps)
    edits = await to_thread.run_sync(_edits, chosen, answers, sources)
    count, what = sum(map(len, answers)), f"batch {number + 1}"
    deps.emit(CandidatesGenerated("correct", what, len(chosen), 0, count, len(edits)))
    return {**update, "drafts": span_drafts("correct", number, edits, case)[:left]}


def _edits(
    chosen: Sequence[Passage], answers: Sequence[Sequence[Completion]], sources: Mapping[str, Source]
) -> tuple[Infill, ...]:
    pairs = zip(chosen, answers, strict=True)
    return distinct(
        (edit for one, group in pairs for edit in corrected(one, sources[one.mask.path], group)), sources
    )


async def _requests(
    chosen: Sequence[Passage], case: Suspected, state: RunState, deps: Deps
) -> list[ChatRequest]:
    """Show each line with its function; what differs comes last, so that the server has the rest cached."""
    texts = [_text(passage, case, state) for passage in chosen]
    read = sum(await deps.client.count(texts))
    room = deps.limits.answer(_TOKENS, 2 * read, len(texts) * (1 + _SAMPLES))
    system = ChatMessage("system", render("system"))
    return [ChatRequest((system, ChatMessage("user", text)), max_tokens=room) for text in texts]


def _text(passage: Passage, case: Suspected, state: RunState) -> str:
    path = passage.mask.path
    files = (case.test,) if case.test is not None else ()
    return render(
        "correct",
        context="".join(f'<file path="{html.escape(name)}">\n{text}\n</file>\n' for name, text in files),
        path=html.escape(path),
        code=passage.code,
        task=state["task"].text,
        failure=described(case.failing[0]),
        line=passage.text,
        language=language_of(path) or "",
    )


async def _ask(requests: Sequence[ChatRequest], deps: Deps) -> list[list[Completion]]:
    """Return a greedy answer and samples to each; the first one is alone, and fills the server's cache."""
    before, started = deps.client.usage, time.monotonic()
    sampled = [
        replace(one, n=_SAMPLES, temperature=_TEMPERATURE, top_p=deps.generation.top_p) for one in requests
    ]
    first = await deps.client.chat(requests[0])
    rest = await asyncio.gather(*(deps.client.chat(each) for each in (*requests[1:], *sampled)))
    deps.emit(ModelCalled("correct", deps.client.usage - before, time.monotonic() - started))
    greedy = [first, *rest[: len(requests) - 1]]
    return [[*one, *many] for one, many in zip(greedy, rest[len(requests) - 1 :], strict=True)]
