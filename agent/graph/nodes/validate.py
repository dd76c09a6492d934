"""Drafts -> candidates: each applies entirely, parses, and is a commit in the private workspace."""

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.graph.commit import commit_drafts
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState

__all__ = ["validate"]


async def validate(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Keep the drafts that become patches; tell the model why the others did not."""
    return await to_thread.run_sync(commit_drafts, state["drafts"], state, runtime.context)
