"""Has patches compared with the leader, over the table of evidence, in both orders."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from anyio import to_thread

from moot.agent.core.errors import MootError
from moot.agent.core.events import Notice
from moot.agent.core.together import together
from moot.agent.fusion.asking import Topic
from moot.agent.fusion.best_of import Contestant
from moot.agent.fusion.evidence import Evidence, Fact, table
from moot.agent.fusion.judge import PairRuling, judge_pair
from moot.agent.fusion.member import Answer
from moot.agent.fusion.seat import Table
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.prompts import render

__all__ = ["Judged", "answer", "gate_rows", "judge_patches", "rubric"]

_MOST_TOLD = 3
"""Objections of linters that a judge reads."""

Judged = tuple[tuple[PairRuling, ...], tuple[str, ...]]
"""Rulings, and what went wrong in sentences."""


def gate_rows(contestants: Sequence[Contestant], number: int = 1) -> list[Evidence]:
    """Return what the gate says of candidates, as rows that can be cited."""
    tests = tuple(Fact(one.candidate.id, one.reason) for one in contestants)
    linted = tuple(
        Fact(one.candidate.id, "; ".join(one.demerits[:_MOST_TOLD]) or "nothing new")
        for one in contestants
        if one.lint is not None or one.demerits
    )
    rows = [Evidence(f"T{number}", "the tests, run with it", tests)] if tests else []
    return rows + ([Evidence(f"L{number}", "linters and changed tests", linted)] if linted else [])


def rubric(deps: Deps) -> str:
    """Return what patches are judged by."""
    return deps.council.criteria.rubric or render("fusion_rubric_patch").strip()


async def answer(one: Contestant, weight: float, state: RunState, deps: Deps) -> Answer:
    """Return a patch as participants read it: its diff, without its author."""
    diff = await to_thread.run_sync(deps.repository.diff, state["base"], one.candidate.commit)
    return Answer(one.candidate.id, "", diff, weight=weight)


async def judge_patches(
    contestants: Sequence[Contestant],
    mass: Mapping[str, float],
    rows: Sequence[Evidence],
    state: RunState,
    deps: Deps,
    seats: Table,
) -> Judged:
    """Compare the first with each of the others; a judge that cannot be used rules nothing.

    Args:
        contestants: the leader, then those who may take its place.
        mass: of each one's cluster, by id: the prior.
        rows: what was run of them.
        state: of the run.
        deps: of the run.
        seats: where the judge sits.
    """
    try:
        seat = await seats.seat(deps.council.judge)
    except MootError as exc:
        return (), (f"the judge cannot be used: {exc}",)
    criteria, topic = replace(deps.council.criteria, rubric=rubric(deps)), Topic(state["task"].text)
    first, *others = [await answer(one, mass.get(one.candidate.id, 1.0), state, deps) for one in contestants]

    def known(names: Mapping[str, str]) -> Mapping[str, str]:
        return table(rows, names)

    pairs = (judge_pair(seat, topic, (first, each), criteria, known) for each in others)
    rulings = await together(pairs)
    for ruling in rulings:
        pair = f"{first.id} or {ruling.challenger}: {ruling.verdict}"
        deps.emit(Notice("info", f"judge: {pair}, P(the second is better) {ruling.better:.2f}"))
    errors = (order.error for ruling in rulings for order in ruling.orders if order.error)
    return tuple(rulings), tuple(dict.fromkeys(errors))
