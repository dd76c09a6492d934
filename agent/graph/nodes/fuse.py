"""Argue a risky edit: more candidates from the same prefix, all tested, one chosen by evidence."""

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.events import CandidateRejected
from moot.agent.fusion.best_of import choose
from moot.agent.graph.chat import sampled_drafts
from moot.agent.graph.commit import commit_drafts
from moot.agent.graph.deps import Deps
from moot.agent.graph.gate import run_gate
from moot.agent.graph.state import FusionSummary, RunState

__all__ = ["fuse"]


async def fuse(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Put the chosen candidate first; the incumbent stays when nothing beats it."""
    deps = runtime.context
    state = await _with_more(state, deps)
    candidates = state["candidates"]
    if deps.runner is None:
        reason = "the first candidate stays: nothing is verified, so nothing can beat it"
        summary = FusionSummary("best-of", len(candidates), 0, candidates[0].id, reason)
        return {"fusion": summary}
    contestants = [await run_gate(candidate, state, deps) for candidate in candidates]
    verdict = choose(contestants)
    chosen = verdict.chosen
    summary = FusionSummary(
        "best-of", len(contestants), verdict.survivors, chosen.id if chosen else None, verdict.reason
    )
    for contestant in contestants:
        if chosen is not None and contestant.candidate.id != chosen.id:
            deps.emit(CandidateRejected(contestant.candidate.id, verdict.reason))
    kept = (chosen,) if chosen is not None else candidates
    return {"fusion": summary, "candidates": kept, "seen": state["seen"], "drafts": state["drafts"]}


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
