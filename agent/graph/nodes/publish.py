"""Bring the approved commit into the user's repository: the only step that touches it."""

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.events import Published
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState

__all__ = ["publish"]


async def publish(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Publish in the way that was asked for; doing so twice changes nothing."""
    deps, candidate = runtime.context, state["selected"]
    assert candidate is not None
    publication = await to_thread.run_sync(
        deps.repository.publish, deps.folder.name, state["base"], candidate.commit, deps.settings.apply
    )
    deps.emit(Published(publication))
    return {"publication": publication}
