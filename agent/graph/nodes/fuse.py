"""Argue a risky edit: more candidates from the same prefix, all tested, one chosen by evidence."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.behaviour import Selection
from moot.agent.core.commands import TestReport
from moot.agent.core.events import CandidateRejected
from moot.agent.core.types import Candidate
from moot.agent.fusion.best_of import Contestant, choose
from moot.agent.graph.chat import sampled_drafts
from moot.agent.graph.commit import commit_drafts
from moot.agent.graph.deps import Deps
from moot.agent.graph.gate import run_gate
from moot.agent.graph.select import select
from moot.agent.graph.state import FusionSummary, RunState
from moot.agent.graph.survivors import find_survivors

__all__ = ["fuse"]


async def fuse(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Put the chosen candidate first; the incumbent stays when nothing beats it. Says what that took."""
    deps = runtime.context
    used, started = deps.limits.used(), time.monotonic()
    update = await _argue(state, deps)
    summary, earlier = update["fusion"], state.get("fusion")
    assert summary is not None
    tokens, seconds = deps.limits.used().total - used.total, time.monotonic() - started
    if earlier is not None:
        tokens, seconds = tokens + earlier.tokens, seconds + earlier.seconds
    futile = earlier.futile + (earlier.chosen is None) if earlier is not None else 0
    return {**update, "fusion": replace(summary, tokens=tokens, seconds=round(seconds, 2), futile=futile)}


async def _argue(state: RunState, deps: Deps) -> RunState:
    state = await _with_more(state, deps)
    candidates = state["candidates"]
    if deps.runner is None:
        reason = "the first candidate stays: nothing is verified, so nothing can beat it"
        summary = FusionSummary("best-of", len(candidates), 0, candidates[0].id, reason)
        return {"fusion": summary}
    found = await find_survivors(state, deps)
    contestants = [await run_gate(candidate, state, deps) for candidate in found[: _most(found, deps)]]
    alive = [one for one in contestants if one.verified]
    ranked, selection = await select(alive, state, deps) if alive else ([], None)
    verdict = choose(_with_incumbent(ranked, candidates[0]), _weights(selection))
    chosen = verdict.chosen
    summary = FusionSummary(
        "best-of", len(candidates), verdict.survivors, chosen.id if chosen else None, verdict.reason
    )
    for contestant in contestants:
        if chosen is not None and contestant.candidate.id != chosen.id:
            deps.emit(CandidateRejected(contestant.candidate.id, verdict.reason))
    kept = (chosen,) if chosen is not None else candidates
    more: RunState = {"seen": state["seen"], "drafts": state["drafts"], "selection": selection}
    return {**more, "fusion": summary, "candidates": kept}


def _most(found: Sequence[Candidate], deps: Deps) -> int:
    """Return how many go through the gate: of infills, which come by the dozen, those that are compared."""
    several = max(deps.settings.samples, deps.settings.survivors)
    return several if found and found[0].generator == "fim" else len(found)


def _with_incumbent(ranked: Sequence[Contestant], first: Candidate) -> list[Contestant]:
    """Put a chat answer first, whose place the others have to win; infills have the order of their rank."""
    if first.generator != "chat":
        return list(ranked)
    failed = Contestant(first, TestReport("", "failed", 1, 0.0), False, "it fails the tests")
    own = next((one for one in ranked if one.candidate.id == first.id), failed)
    return [own, *(one for one in ranked if one.candidate.id != first.id)]


def _weights(selection: Selection | None) -> Mapping[str, int]:
    return {one.id: one.weight for one in selection.survivors} if selection is not None else {}


async def _with_more(state: RunState, deps: Deps) -> RunState:
    """Top up to the number of samples that the settings ask for; infills come many at a time."""
    candidates = state["candidates"]
    missing = deps.settings.samples - len(candidates)
    if deps.runner is None or missing <= 0 or candidates[0].generator != "chat":
        return state
    asked: RunState = {**state, "round": state["round"] - 1}
    drafts = await sampled_drafts(asked, deps, missing, first=deps.settings.samples + 1)
    update = await to_thread.run_sync(commit_drafts, drafts, state, deps)
    return {
        **state,
        "candidates": (*candidates, *update["candidates"]),
        "seen": update["seen"],
        "drafts": (*state["drafts"], *drafts),
    }
