"""Select by evidence: the candidate whose tests pass, cheapest check first."""

from langgraph.runtime import Runtime

from moot.agent.core.events import CandidateRejected, CandidateSelected
from moot.agent.core.types import Candidate
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import describe
from moot.agent.graph.gate import run_gate, run_targets
from moot.agent.graph.state import RunState

__all__ = ["verify"]

_ENOUGH_SURVIVORS = 4
"""Candidates that fix a failing test after which the others of a round are not tested."""


async def verify(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Select the first candidate that passes the gate, or say what failed."""
    deps = runtime.context
    if deps.runner is None:
        first = next(iter(state["candidates"]), None)
        return {"selected": first, "verified": False, "after": None, "survivors": len(state["candidates"])}
    survivors = await _survivors(state, deps)
    failed: Contestant | None = None
    for candidate in survivors:
        contestant = await run_gate(candidate, state, deps)
        if contestant.verified:
            return _select(contestant, len(survivors), deps)
        failed = failed or contestant
        deps.emit(CandidateRejected(candidate.id, "its tests fail"))
    feedback = _feedback(state, deps, failed)
    return {"selected": None, "verified": False, "after": None, "feedback": feedback, "survivors": 0}


def _select(contestant: Contestant, survivors: int, deps: Deps) -> RunState:
    reason = f"its tests pass; {survivors} candidate{'s' * (survivors != 1)} passed the first check"
    deps.emit(CandidateSelected(contestant.candidate, survivors, reason))
    return {
        "selected": contestant.candidate,
        "verified": True,
        "after": contestant.report,
        "survivors": survivors,
    }


async def _survivors(state: RunState, deps: Deps) -> list[Candidate]:
    """Return the candidates that fix a failing test, the most fixed first, then the smallest.

    A single candidate, and every one where no single test is known to fail, goes on to the whole
    command: there the first check would tell nothing more.
    """
    if len(state["candidates"]) == 1:
        return list(state["candidates"])
    fixed: list[tuple[int, Candidate]] = []
    for candidate in state["candidates"]:
        count = await run_targets(candidate, state, deps)
        if count is None:
            return list(state["candidates"])
        if count:
            fixed.append((count, candidate))
        else:
            deps.emit(CandidateRejected(candidate.id, "the failing tests still fail"))
        if len(fixed) >= _ENOUGH_SURVIVORS:
            break
    fixed.sort(key=lambda pair: (-pair[0], pair[1].changed, -pair[1].logprob))
    return [candidate for _, candidate in fixed]


def _feedback(state: RunState, deps: Deps, failed: Contestant | None) -> str:
    """Say to the model what its edit did, or why it was no edit."""
    if failed is not None:
        return describe(failed.report)
    if state["candidates"]:
        first = state["candidates"][0]
        reports = (report for (commit, _), report in deps.reports.items() if commit == first.commit)
        return next(map(describe, reports), "the failing tests still fail")
    return state["feedback"]
