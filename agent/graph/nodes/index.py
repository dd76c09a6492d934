"""Make the index match the base commit."""

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.events import IndexUpdated
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState

__all__ = ["index"]


async def index(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Parse what the store has not seen; everything else is reused by blob id."""
    deps = runtime.context
    entries = await to_thread.run_sync(deps.repository.files, state["base"])
    stats = await to_thread.run_sync(deps.index.update, entries, deps.repository.read_many)
    deps.emit(IndexUpdated(stats))
    return {}
