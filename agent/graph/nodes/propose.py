"""Ask for edits: one round of the generator whose turn it is."""

from langgraph.runtime import Runtime

from moot.agent.graph.deps import Deps
from moot.agent.graph.generate import drafts
from moot.agent.graph.state import RunState

__all__ = ["propose"]


async def propose(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Return the drafts of the first round."""
    return await drafts(state, runtime.context)
