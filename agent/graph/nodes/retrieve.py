"""Rank the repository's files by the task and by what fails."""

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.events import FilesConsidered
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import describe, wanted
from moot.agent.graph.rerank import rerank
from moot.agent.graph.state import RunState
from moot.agent.pack.packer import files_for

__all__ = ["retrieve"]


async def retrieve(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Search the index with the task's words and the failing tests' messages."""
    deps = runtime.context
    query = f"{state['task'].text}\n{describe(state.get('before'), wanted(state))}"
    limit = files_for(deps.generation.context_tokens)
    ranked = await to_thread.run_sync(deps.index.search, query, limit)
    if deps.settings.rerank:
        deps.limits.check()
        ranked = await rerank(deps.client, deps.index, query, ranked, deps.settings.rerank)
    deps.emit(FilesConsidered(tuple(ranked)))
    return {"ranked": tuple(ranked)}
