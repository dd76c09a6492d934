"""Select by evidence: the candidate whose tests pass, cheapest check first."""

from langgraph.runtime import Runtime

from moot.agent.core.events import CandidateRejected, CandidateSelected
from moot.agent.core.types import Candidate
from moot.agent.core.verification import unasked
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import describe
from moot.agent.graph.gate import run_gate, run_targets, unverified
from moot.agent.graph.generate import rounds
from moot.agent.graph.overlay import run_base_tests
from moot.agent.graph.state import Reserve, RunState
from moot.agent.risk.assess import assess as rate
from moot.agent.risk.assess import refusal
from moot.prompts import render

__all__ = ["verify"]

_ENOUGH_SURVIVORS = 4
"""Candidates that fix a failing test after which the others of a round are not tested."""

_MOST_TOLD = 20
"""Objections that the model is told of."""

_NOTHING: RunState = {"selected": None, "verified": False, "after": None, "lint": None, "survivors": 0}


async def verify(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Select the first candidate that passes the gate without demerits, or say what failed.

    One with demerits is kept in reserve while there are rounds left in which the model, told of them,
    may do better; for what only linters object to that is one round.
    """
    deps = runtime.context
    survivors = await _survivors(state, deps)
    earlier = state.get("reserve")
    reserve, failed = earlier, None
    for candidate in sorted(survivors, key=lambda one: bool(unasked(one.flags))):
        judged = await _judge(candidate, state, deps)
        if judged.verified and not judged.demerits:
            return _select(_kept(judged, deps), len(survivors), deps)
        evades = judged.report.status == "passed" and bool(unasked(judged.candidate.flags))
        passes = judged.verified or evades
        deps.emit(CandidateRejected(candidate.id, judged.demerits[0] if passes else judged.reason))
        if not passes:
            failed = failed or judged
        elif reserve is None or _kept(judged, deps).rank > reserve.rank:
            reserve = _kept(judged, deps)
    if reserve is None:
        delta = failed.delta if failed is not None else state.get("delta")
        return {**_NOTHING, "feedback": _feedback(state, deps, failed), "delta": delta}
    told = earlier is not None and earlier.only_linted
    if told or state["round"] >= len(rounds(state, deps)):
        return await _last_resort(reserve, state, deps)
    prompt = "findings" if reserve.only_linted else "demerits"
    feedback = render(prompt, demerits="\n".join(reserve.demerits[:_MOST_TOLD]))
    return {**_NOTHING, "feedback": feedback, "reserve": reserve, "delta": reserve.delta}


async def _judge(candidate: Candidate, state: RunState, deps: Deps) -> Contestant:
    """Judge by the tests; with --no-verify by what the edit itself does to them."""
    return unverified(candidate) if deps.runner is None else await run_gate(candidate, state, deps)


def _kept(contestant: Contestant, deps: Deps) -> Reserve:
    report = contestant.report if deps.runner is not None else None
    return Reserve(
        contestant.candidate,
        report,
        contestant.delta,
        contestant.reason,
        contestant.demerits,
        contestant.verified,
        contestant.lint,
    )


def _select(chosen: Reserve, survivors: int, deps: Deps) -> RunState:
    passed = f"{survivors} candidate{'s' * (survivors != 1)} passed the first check"
    deps.emit(CandidateSelected(chosen.candidate, survivors, f"{chosen.reason}; {passed}"))
    return {
        "selected": chosen.candidate,
        "verified": chosen.report is not None,
        "after": chosen.report,
        "delta": chosen.delta,
        "lint": chosen.lint,
        "survivors": survivors,
    }


async def _last_resort(reserve: Reserve, state: RunState, deps: Deps) -> RunState:
    """No candidate was better: what linters object to is told; on one that changes tests a person decides."""
    if reserve.only_linted:
        return _select(reserve, 1, deps)
    flags = reserve.flags
    risk = rate(reserve.candidate.deltas, reserve.candidate.flags)
    if not reserve.verified:
        return {**_NOTHING, "delta": reserve.delta, "risk": risk, "refusal": refusal(flags)}
    evidence = await run_base_tests(reserve.candidate, state, deps)
    return {**_select(reserve, 1, deps), "evidence": evidence, "risk": risk}


async def _survivors(state: RunState, deps: Deps) -> list[Candidate]:
    """Return the candidates that fix a failing test, the most fixed first, then the smallest.

    A single candidate, and every one where no single test is known to fail, goes on to the whole
    command: there the first check would tell nothing more.
    """
    if len(state["candidates"]) == 1 or deps.runner is None:
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
