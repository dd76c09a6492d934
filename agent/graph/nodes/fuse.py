"""Argue a risky edit: more candidates from the same prefix, all tested, one chosen by evidence."""

from contextlib import aclosing
from dataclasses import dataclass, replace

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.choices import FusionMode
from moot.agent.core.events import CandidateRejected
from moot.agent.core.types import Candidate
from moot.agent.fusion.seat import Table
from moot.agent.fusion.transcript import add
from moot.agent.graph.argument import Argument, hear
from moot.agent.graph.beside import Beside
from moot.agent.graph.debate import Argued, Debate
from moot.agent.graph.deps import Deps
from moot.agent.graph.entrants import of_round
from moot.agent.graph.limits import cost
from moot.agent.graph.merge import merge_patches
from moot.agent.graph.outcome import has_passed
from moot.agent.graph.state import FusionSummary, Incumbent, RunState

__all__ = ["fuse"]

_NO_EARLIER = FusionSummary("", 0, 0, None, "")


@dataclass(frozen=True, slots=True)
class _Before:
    """What the run had used when an argument began; cost in US dollars."""

    tokens: int
    cost: float
    seconds: float


async def fuse(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Put the chosen candidate first; the incumbent stays when nothing beats it. Says what that took."""
    deps = runtime.context
    began, beside = deps.limits.seconds, Beside(state, deps)
    async with aclosing(await of_round(state, deps)) as entrants:
        used, seats = deps.limits.used() - entrants.used, entrants.seats
        paid = deps.limits.cost - cost(entrants.used, deps.settings)
        argument = await hear(state, deps, entrants, beside)
        argued = await beside.write(_argue(argument, deps, seats), "the rest of the argument is")
    summary = _summary(argument, argued, deps)
    told = (summary, argued, seats.ledger.entries, used.total)
    add(deps.folder, await to_thread.run_sync(argument.transcript, *told, tuple(beside.notes)))
    summary = _with_bill(summary, state, _Before(used.total, paid, began), deps)
    kept = _kept(argument, argued, summary)
    return {**argument.update, "fusion": summary, "argued": _incumbent(state, deps), "candidates": kept}


def _incumbent(state: RunState, deps: Deps) -> Incumbent | None:
    """Return the incumbent with what its tests said, which a later round does not know."""
    first = state["incumbent"]
    return replace(first, passed=has_passed(first.candidate, deps)) if first is not None else None


def _with_bill(summary: FusionSummary, state: RunState, before: _Before, deps: Deps) -> FusionSummary:
    """Add what the arguments of all rounds took, the run beside them, and what other models used."""
    earlier, elsewhere = state.get("fusion") or _NO_EARLIER, deps.limits.elsewhere
    alone, alone_cost = before.tokens - earlier.tokens, max(0.0, before.cost - earlier.cost)
    return replace(
        summary,
        tokens=deps.limits.used().total - alone,
        seconds=round(earlier.seconds + deps.limits.seconds - before.seconds, 2),
        cost=max(0.0, deps.limits.cost - alone_cost),
        alone=alone,
        alone_seconds=round(max(0.0, before.seconds - earlier.seconds), 2),
        alone_cost=alone_cost,
        futile=earlier.futile + (earlier is not _NO_EARLIER and earlier.chosen is None),
        elsewhere=elsewhere.usage,
        elsewhere_cost=elsewhere.cost,
    )


async def _argue(argument: Argument, deps: Deps, seats: Table) -> Argued | None:
    """Go beyond the tests where the mode wants that and more than one behaviour passes them."""
    mode = deps.settings.fusion_mode
    field = argument.field(clusters=mode is FusionMode.DEBATE)
    if field is None or mode is FusionMode.BEST_OF:
        return None
    if mode is FusionMode.MERGE:
        return await merge_patches(field, argument.state, deps, seats)
    return await Debate(field, argument.state, deps, seats).hold()


def _summary(argument: Argument, argued: Argued | None, deps: Deps) -> FusionSummary:
    chosen, reason = argument.verdict.chosen, argument.verdict.reason
    name = chosen.id if chosen is not None else None
    if argued is not None:
        decision = argued.decision
        reason = decision.reason if decision.chosen != name else f"{reason}; {decision.reason}"
        name = decision.chosen
    mode, tried = deps.settings.fusion_mode.value, len(argument.state["candidates"])
    return FusionSummary(mode, tried, argument.verdict.survivors, name, reason)


def _kept(argument: Argument, argued: Argued | None, summary: FusionSummary) -> tuple[Candidate, ...]:
    """Return the chosen candidate alone; all where none was chosen, for the model to be told of them."""
    everyone = [*argument.contestants, *(argued.new(argument.contestants) if argued else ())]
    for one in everyone:
        if summary.chosen is not None and one.candidate.id != summary.chosen:
            argument.deps.emit(
                CandidateRejected(one.candidate.id, f"{summary.chosen} is chosen: {summary.reason}")
            )
    known = (*(one.candidate for one in everyone), *argument.state["candidates"])
    chosen = next((one for one in known if one.id == summary.chosen), None)
    return (chosen,) if chosen is not None else argument.state["candidates"]
