"""Corrections: the most suspicious lines, one a prompt, many answers in one batch."""

import html
import math
import time
from collections.abc import Mapping, Sequence
from itertools import accumulate

from anyio import to_thread

from moot.agent.core.events import CandidatesGenerated, ModelCalled
from moot.agent.core.messages import ChatMessage, Completion
from moot.agent.graph.answers import SAMPLES, TOKENS, Asking, answers
from moot.agent.graph.conversation import size
from moot.agent.graph.deps import Deps
from moot.agent.graph.faults import Suspected, candidates_left, span_drafts, suspected
from moot.agent.graph.state import RunState
from moot.agent.repair.correct import Passage, corrected, passages
from moot.agent.repair.infill import Infill, distinct
from moot.agent.repair.prompt import Brief, brief
from moot.agent.repair.source import Source
from moot.agent.syntax import language_of
from moot.prompts import render

__all__ = ["correct_drafts", "question"]

_LINES = 12
_REQUESTS = 2
"""How often a question is sent: for the greedy answer, and for the samples."""


async def correct_drafts(state: RunState, deps: Deps, number: int) -> RunState:
    """Return the drafts of batch `number` (from 0), best first.

    Where all suspicious lines were asked for they are asked for again, for other answers.
    """
    case = await suspected(state, deps)
    sources, chosen, turn = await to_thread.run_sync(_chosen, case, number)
    left = candidates_left(state, deps)
    update: RunState = {"localisation": case.found, "drafts": ()}
    if not (left and chosen):
        return update
    asked = await _asked(chosen, turn, case, state, deps)
    edits = await to_thread.run_sync(_edits, chosen, asked, sources)
    count, what = sum(map(len, asked)), f"batch {number + 1}"
    deps.emit(CandidatesGenerated("correct", what, len(asked), 0, count, len(edits)))
    return {**update, "drafts": span_drafts("correct", number, edits, case)[:left]}


def _chosen(case: Suspected, number: int) -> tuple[Mapping[str, Source], Sequence[Passage], int]:
    """Parse the suspected files; return the lines of batch `number`, and how often they were asked for."""
    sources = {path: Source.parse(path, data) for path, (_, data) in case.sources.items()}
    lines = passages(case.found, sources)
    turn, place = divmod(number, max(1, math.ceil(len(lines) / _LINES)))
    return sources, lines[_LINES * place : _LINES * (place + 1)], turn


def _edits(
    chosen: Sequence[Passage], asked: Sequence[Sequence[Completion]], sources: Mapping[str, Source]
) -> tuple[Infill, ...]:
    pairs = zip(chosen, asked, strict=False)  # fewer where the tokens did not suffice for all
    return distinct(edit for one, group in pairs for edit in corrected(one, sources[one.mask.path], group))


async def _asked(
    chosen: Sequence[Passage], turn: int, case: Suspected, state: RunState, deps: Deps
) -> list[list[Completion]]:
    said = brief(state["task"].text, case.failing, case.test)
    texts = [question(passage, said) for passage in chosen]
    beside = await size((ChatMessage("system", render("system")), ChatMessage("user", "")), deps)
    sizes = [beside + count for count in await deps.client.count(texts)]
    most = _affordable(sizes, deps.limits.tokens_left)
    room = deps.limits.answer(TOKENS, _REQUESTS * sum(sizes[:most]), most * (1 + SAMPLES))
    controls = () if deps.generation.fim is None else deps.generation.fim.controls
    branching = deps.limits.tokens_left is None  # each of the likeliest is a request with the prompt in it
    how = Asking(room, deps.generation.top_p, turn, controls, branching)
    before, started = deps.client.usage, time.monotonic()
    found = await answers(deps.client, texts[:most], how)
    deps.emit(ModelCalled("correct", deps.client.usage - before, time.monotonic() - started))
    return found


def _affordable(sizes: Sequence[int], left: int | None) -> int:
    """Return for how many lines, one at least, the tokens suffice that are left."""
    costs = accumulate(_REQUESTS * size + (1 + SAMPLES) * TOKENS for size in sizes)
    return len(sizes) if left is None else max(1, sum(cost <= left for cost in costs))


def question(passage: Passage, said: Brief) -> str:
    """Return what the model is asked of one line: what the run is about first, and the line last."""
    shown = (
        "" if said.test is None else f'<file path="{html.escape(said.test[0])}">\n{said.test[1]}\n</file>\n'
    )
    return render(
        "correct",
        context=shown,
        path=html.escape(passage.mask.path),
        code=passage.code,
        task=said.task,
        failure=said.assertion,
        line=passage.text,
        language=language_of(passage.mask.path) or "",
    )
