"""Try again with what was learned: the next round, told why the last one was not accepted."""

from langgraph.runtime import Runtime

from moot.agent.graph.deps import Deps
from moot.agent.graph.generate import drafts
from moot.agent.graph.state import RunState

__all__ = ["repair"]


async def repair(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Return the drafts of the next round."""
    return await drafts(state, runtime.context)
