"""Select by evidence: the candidate whose tests pass, cheapest check first."""

import asyncio
import math
import time
from collections.abc import Sequence

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.behaviour import Selection
from moot.agent.core.commands import TestReport
from moot.agent.core.errors import LimitReached
from moot.agent.core.events import CandidateRejected, CandidateSelected
from moot.agent.core.types import Candidate
from moot.agent.core.verification import unasked
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.beside import over
from moot.agent.graph.conversation import answer_of
from moot.agent.graph.deps import STILL_FAILING, Deps
from moot.agent.graph.doubt import doubted
from moot.agent.graph.failures import describe, wanted
from moot.agent.graph.gate import run_gate, unverified
from moot.agent.graph.generate import kept, rounds
from moot.agent.graph.overlay import run_base_tests
from moot.agent.graph.select import chosen_first, select
from moot.agent.graph.state import Reserve, RunState, is_chat
from moot.agent.graph.surroundings import rate
from moot.agent.graph.survivors import find_survivors
from moot.agent.risk.assess import refusal
from moot.prompts import render

__all__ = ["judge_more", "verify"]

_MOST_TOLD = 20
"""Objections that the model is told of."""

_NOTHING: RunState = {
    "selected": None,
    "verified": False,
    "after": None,
    "lint": None,
    "survivors": 0,
    "selection": None,
}


async def verify(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Select the best candidate that passes the gate without demerits, or say what failed.

    One with demerits is kept in reserve while there are rounds left in which the model, told of them,
    may do better; for what only linters object to that is one round. So are those kept that are fitted to
    the failing test, all of them, which are compared with what is found after them.
    """
    deps = runtime.context
    before = earlier.candidates if (earlier := state.get("doubted")) is not None else ()
    contestants = [await _judge(candidate, state, deps) for candidate in before]
    contestants = await judge_more(contestants, state, deps)
    while alive := [one for one in contestants if _passes_clean(one)]:
        ranked, selection = await _ranked(alive, state, deps)
        doubt = doubted(ranked, selection, state, deps) if selection is not None else None
        if doubt is None:
            return _select_best(ranked, selection, deps)
        known = len(contestants)
        contestants = await judge_more(contestants, state, deps)
        if not any(map(_passes_clean, contestants[known:])):
            return {**_NOTHING, "doubted": doubt}
    return await _not_yet(contestants, state, deps)


async def _not_yet(contestants: Sequence[Contestant], state: RunState, deps: Deps) -> RunState:
    """Keep the best that passes with demerits, while there are rounds left; tell the model of this round."""
    earlier, passing = state.get("reserve"), [_kept(one, deps) for one in contestants if _passes(one)]
    failed = next((one for one in contestants if not _passes(one)), None)
    told = await _told(passing, failed, state, deps)
    reserve = max([*((earlier,) if earlier else ()), *passing], key=lambda one: one.rank, default=None)
    if reserve is None:
        return {**_NOTHING, **told, "delta": failed.delta if failed is not None else state.get("delta")}
    plan, now = rounds(state, deps), state["round"]
    if now >= len(plan) or (earlier is not None and earlier.only_linted):
        return await _last_resort(reserve, state, deps)
    update: RunState = {**_NOTHING, **told, "reserve": reserve, "delta": reserve.delta}
    if reserve is earlier or plan[now] == "chat" or deps.generation.first != "chat":
        return update
    return {**update, "follow_ups": (*state.get("follow_ups", ()), now)}


async def judge_more(contestants: Sequence[Contestant], state: RunState, deps: Deps) -> list[Contestant]:
    """Judge further candidates, those that fix a failing test, a few at a time until one passes.

    Where one passes already, of any round, it ends while that can still be published, or at a limit.
    """
    found = list(contestants)
    while True:
        passing = kept(state) or any(map(_passes, found))
        try:
            async with asyncio.timeout(deps.limits.seconds_to_spare if passing else None):
                known = {one.candidate.id for one in found}
                edits = await find_survivors(state, deps, len(found))
                more = [first for first, *_ in edits if first.id not in known]
                judged = await _gate(more, state, deps)
        except (TimeoutError, LimitReached):
            if not passing:
                raise
            return found
        found += judged
        if not more or any(map(_passes_clean, judged)):
            return found


def _passes_clean(judged: Contestant) -> bool:
    return judged.verified and not judged.demerits


async def _gate(candidates: Sequence[Candidate], state: RunState, deps: Deps) -> list[Contestant]:
    """Judge candidates until enough pass without demerits; once one does, only for the setting's time.

    Where one passes with demerits, it goes on as long as that one can still be published.
    """
    contestants: list[Contestant] = []
    alive, ends = 0, math.inf
    for candidate in sorted(candidates, key=lambda one: bool(unasked(one.flags))):
        if alive >= deps.settings.survivors or time.monotonic() >= ends:
            break
        passing = any(map(_passes, contestants))
        most, spare = ends - time.monotonic(), deps.limits.seconds_to_spare
        try:
            async with asyncio.timeout(min(most, spare) if passing else None):
                judged = await _judge(candidate, state, deps)
        except (TimeoutError, LimitReached) as exc:
            if not passing:
                raise
            deps.emit(CandidateRejected(candidate.id, str(exc) or over(most, spare)))
            break
        contestants.append(judged)
        if _passes_clean(judged):
            alive += 1
            ends = min(ends, time.monotonic() + min(deps.settings.compare_time, deps.limits.seconds_left / 2))
        else:
            reason = judged.demerits[0] if _passes(judged) else judged.reason
            deps.emit(CandidateRejected(candidate.id, reason))
    return contestants


def _passes(judged: Contestant) -> bool:
    evades = judged.report.status == "passed" and bool(unasked(judged.candidate.flags))
    return judged.verified or evades


async def _ranked(
    alive: Sequence[Contestant], state: RunState, deps: Deps
) -> tuple[Sequence[Contestant], Selection | None]:
    """Return survivors, the best first, and how they differ; of one that was argued the rivals are known."""
    argued = chosen_first(state.get("selection"), alive[0].candidate) if len(alive) == 1 else None
    if argued is not None:
        return alive, argued
    if deps.runner is None:
        return alive[:1], None
    return await select(alive, state, deps)


def _select_best(ranked: Sequence[Contestant], selection: Selection | None, deps: Deps) -> RunState:
    for loser, one in zip(ranked[1:], selection.survivors[1:] if selection else (), strict=False):
        why = one.objections[0] if one.objections else f"{ranked[0].candidate.id} is preferred"
        deps.emit(CandidateRejected(loser.candidate.id, f"it passes, but {why}"))
    return _select(_kept(ranked[0], deps), selection, deps)


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


def _select(chosen: Reserve, selection: Selection | None, deps: Deps) -> RunState:
    survivors = len(selection.survivors) if selection is not None else 1
    passed = f"; {survivors} distinct candidate{'s' * (survivors != 1)} passed"
    reason = chosen.reason + (passed if chosen.report is not None else "")
    deps.emit(CandidateSelected(chosen.candidate, survivors, reason, selection))
    return {
        "selected": chosen.candidate,
        "verified": chosen.report is not None,
        "after": chosen.report,
        "delta": chosen.delta,
        "lint": chosen.lint,
        "survivors": survivors,
        "selection": selection,
    }


async def _last_resort(reserve: Reserve, state: RunState, deps: Deps) -> RunState:
    """No candidate was better: what linters object to is told; on one that changes tests a person decides."""
    if reserve.only_linted:
        return _select(reserve, None, deps)
    flags = reserve.flags
    risk = await rate(reserve.candidate, state, deps)
    if not reserve.verified:
        refused = f"{refusal(flags)}, in a new run"
        return {**_NOTHING, "delta": reserve.delta, "risk": risk, "refusal": refused}
    evidence = await run_base_tests(reserve.candidate, state, deps)
    return {**_select(reserve, None, deps), "evidence": evidence, "risk": risk}


async def _told(
    passing: Sequence[Reserve], failed: Contestant | None, state: RunState, deps: Deps
) -> RunState:
    """Say to the model what an edit of this round did, as the answer to that very edit.

    Of a round that did not ask it, it is told only what passes: its last answer and why that was not
    accepted stay for the next one that does.
    """
    if passing:
        best = max(passing, key=lambda one: one.rank)
        candidate, prompt = best.candidate, "findings" if best.only_linted else "demerits"
        feedback = render(prompt, demerits="\n".join(best.demerits[:_MOST_TOLD]))
    elif not state["candidates"] or not is_chat(state["drafts"]):
        return {}
    elif failed is not None:
        candidate = failed.candidate
        feedback = _failure(failed.report, failed.delta.broke, state) or failed.reason
    else:
        candidate = state["candidates"][0]
        feedback = _known_failure(candidate, state, deps) or STILL_FAILING
    answer = await to_thread.run_sync(answer_of, candidate, state, deps)
    return {"answer": answer, "feedback": feedback.rstrip()}


def _failure(report: TestReport, broke: Sequence[str], state: RunState) -> str:
    """Show what tests that broke say, then those that fail still; empty where they say nothing."""
    shown = describe(report, broke, wanted(state))
    return render("output", output=shown) if shown else ""


def _known_failure(candidate: Candidate, state: RunState, deps: Deps) -> str:
    """Show what the failing tests say, where nothing more was run."""
    reports = [report for (commit, _), report in deps.reports.items() if commit == candidate.commit]
    if (filtered := deps.filtered.get(candidate.commit)) is not None:
        reports.append(filtered.report)
    return next((_failure(report, (), state) for report in reports), "")
