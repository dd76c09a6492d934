"""Rewrite drafts: the most suspicious function is written anew, many samples in one batch."""

import html
import time
from dataclasses import replace

from anyio import to_thread

from moot.agent.core.events import CandidatesGenerated, ModelCalled
from moot.agent.core.messages import ChatMessage, ChatRequest, Completion
from moot.agent.core.together import together
from moot.agent.edits.forms import SymbolEdit
from moot.agent.graph.conversation import size
from moot.agent.graph.deps import Deps
from moot.agent.graph.faults import Suspected, ask, candidates_left, signatures, suspected
from moot.agent.graph.state import Draft, RunState
from moot.agent.repair.prompt import brief
from moot.agent.repair.rewrite import Target, definitions, targets
from moot.agent.repair.source import Source
from moot.agent.syntax import language_of
from moot.prompts import render

__all__ = ["REWRITES", "rewrite_drafts"]

REWRITES = 3
"""Rounds of a run that write a function anew: one function each, the most suspicious first."""

_SAMPLES = 7
"""Answers beside the greedy one: in one batch they cost little more than that."""
_TEMPERATURE = 0.8
_REQUESTS = 2
"""How often the prompt is sent: for the greedy answer, and for the samples."""


async def rewrite_drafts(state: RunState, deps: Deps, number: int) -> RunState:
    """Return the drafts of rewrite `number` (from 0); none where fewer functions are suspicious."""
    case = await suspected(state, deps)
    left = candidates_left(state, deps)
    texts = {path: data for path, (_, data) in case.sources.items()}
    found = await to_thread.run_sync(targets, case.found, texts, deps.index.outline)
    update: RunState = {"localisation": case.found, "drafts": ()}
    if not left or number >= len(found):
        return update
    target = found[number]
    answers = await _ask(await _request(target, case, state, deps), deps)
    source = Source.parse(target.path, texts[target.path])
    new = await to_thread.run_sync(definitions, target, source, answers)
    name, _, line = target.symbol.partition("@")
    deps.emit(CandidatesGenerated("rewrite", f"{name} at {target.path}:{line}", 1, 0, len(answers), len(new)))
    return {**update, "drafts": _drafts(target, number, new[:left])}


def _drafts(target: Target, number: int, new: list[tuple[str, float]]) -> tuple[Draft, ...]:
    return tuple(
        Draft(
            f"rewrite-{number + 1}.{place}",
            "rewrite",
            text,
            logprob,
            SymbolEdit(target.path, target.symbol, text),
        )
        for place, (text, logprob) in enumerate(new, start=1)
    )


async def _request(target: Target, case: Suspected, state: RunState, deps: Deps) -> ChatRequest:
    """Show the function whole, what it calls, and how the first test fails."""
    data = case.sources[target.path][1]
    parts = (data[: target.start_byte], data[target.start_byte : target.end_byte], data[target.end_byte :])
    before, function, after = (part.decode("utf-8", "replace") for part in parts)
    files = await to_thread.run_sync(signatures, deps, target.path, before, function, after)
    said = brief(state["task"].text, case.failing)
    text = render(
        "rewrite",
        context="".join(f'<file path="{html.escape(path)}">\n{text}\n</file>\n' for path, text in files),
        path=html.escape(target.path),
        code=target.shown,
        task=said.task,
        failure=said.assertion,
        symbol=target.symbol.partition("@")[0],
        language=language_of(target.path) or "",
    )
    messages = (ChatMessage("system", render("system")), ChatMessage("user", text))
    prompts = _REQUESTS * await size(messages, deps)
    room = deps.limits.answer(target.max_tokens, prompts, 1 + _SAMPLES)
    return ChatRequest(messages, max_tokens=room)


async def _ask(request: ChatRequest, deps: Deps) -> list[Completion]:
    """Return a greedy answer and samples, which the server writes side by side."""
    before, started = deps.client.usage, time.monotonic()
    sampled = replace(request, n=_SAMPLES, temperature=_TEMPERATURE, top_p=deps.generation.top_p)
    answers = await together(ask(deps.client, each) for each in (request, sampled))
    deps.emit(ModelCalled("rewrite", deps.client.usage - before, time.monotonic() - started))
    return [answer for group in answers for answer in group]
