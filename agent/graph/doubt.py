"""Candidates that pass and look fitted to the failing test: the search goes on a while for better ones.

They are kept, and compared with what else passes; where nothing does, the best of them is taken.
"""

from collections.abc import Mapping, Sequence

from anyio import to_thread

from moot.agent.core.types import Candidate
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.contents import changes
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.faults import failing_test
from moot.agent.graph.generate import rounds
from moot.agent.graph.state import Doubted, RunState
from moot.agent.repair.fitted import borrowed
from moot.agent.repair.prompt import brief
from moot.agent.repair.source import Source, is_test_path

__all__ = ["borrowings", "doubted"]

_MORE_ROUNDS = 3
_MOST_KEPT = 2
"""Candidates that are kept: fewer than are compared."""


async def doubted(alive: Sequence[Contestant], state: RunState, deps: Deps) -> Doubted | None:
    """Return what to keep while the search goes on; None where it need not, or has not the means to.

    It goes on for small models alone, whose candidates are many, and chosen by the tests.
    """
    since = earlier.since if (earlier := state.get("doubted")) is not None else state["round"]
    over = state["round"] >= min(len(rounds(state, deps)), since + _MORE_ROUNDS)
    if over or not deps.limits.half_left or deps.generation.first != "fim":
        return None
    candidates = [one.candidate for one in alive]
    found = await borrowings(candidates, state, deps)
    return Doubted(tuple(candidates[:_MOST_KEPT]), since) if all(map(found.get, found)) else None


async def borrowings(
    candidates: Sequence[Candidate], state: RunState, deps: Deps
) -> Mapping[str, Sequence[str]]:
    """Return the values that each candidate has of the failing test, by its id; none without such a test."""
    if not wanted(state):
        return {one.id: () for one in candidates}
    failing, test = await failing_test(state, deps)
    told = "\n".join((brief("", failing).assertion, test[1] if test else ""))

    def look(candidate: Candidate) -> list[str]:
        changed = changes(candidate, state, deps)
        return [
            literal
            for path, change in changed.items()
            if change.new is not None and not is_test_path(path)
            for literal in borrowed(
                Source.parse(path, change.old or b""),
                Source.parse(path, change.new),
                told,
                state["task"].text,
            )
        ]

    return {one.id: await to_thread.run_sync(look, one) for one in candidates}
