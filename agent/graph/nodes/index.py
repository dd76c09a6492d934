"""Make the index match the base commit."""

from functools import partial

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.events import IndexUpdated
from moot.agent.core.types import IndexStats
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState

__all__ = ["index", "load"]


def load(deps: Deps, commit: str) -> IndexStats:
    """Make the index hold a commit and know its history; it blocks."""
    deps.index.remember(commit, partial(deps.repository.log, commit))
    return deps.index.update(deps.repository.files(commit), deps.repository.read_many)


async def index(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Parse what the store has not seen; everything else is reused by blob id."""
    deps = runtime.context
    stats = await to_thread.run_sync(load, deps, state["base"])
    deps.emit(IndexUpdated(stats))
    return {}
