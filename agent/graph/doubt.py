"""Survivors that pass and look fitted to the failing test: the search goes on a while for better ones.

They are kept, and compared with what else passes; where nothing does, the best of them is taken.
"""

from collections.abc import Sequence

from moot.agent.core.behaviour import Selection
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.deps import Deps
from moot.agent.graph.generate import rounds
from moot.agent.graph.state import Doubted, RunState

__all__ = ["doubted"]

_MORE_ROUNDS = 3
_MOST_KEPT = 2
"""Candidates that are kept: fewer than are compared."""


def doubted(
    ranked: Sequence[Contestant], selection: Selection, state: RunState, deps: Deps
) -> Doubted | None:
    """Return what to keep while the search goes on; None where it need not, or has not the means to.

    It goes on for small models alone, whose candidates are many, and chosen by the tests.
    """
    since = earlier.since if (earlier := state.get("doubted")) is not None else state["round"]
    over = state["round"] >= min(len(rounds(state, deps)), since + _MORE_ROUNDS)
    if over or not deps.limits.half_left or deps.generation.first != "fim":
        return None
    if not all(one.fitted for one in selection.survivors):
        return None
    return Doubted(tuple(one.candidate for one in ranked[:_MOST_KEPT]), since)
