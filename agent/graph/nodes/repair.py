"""Try again with what was learned: the next round, told why the last one was not accepted."""

import asyncio

from langgraph.runtime import Runtime

from moot.agent.core.errors import LimitReached, ModelError
from moot.agent.core.events import Notice
from moot.agent.graph.deps import Deps
from moot.agent.graph.generate import drafts, kept, rounds
from moot.agent.graph.state import RunState

__all__ = ["repair"]


async def repair(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Return the drafts of the next round; none, and no round more, where it fails and something is kept."""
    deps = runtime.context
    try:
        async with asyncio.timeout(deps.limits.seconds_to_spare if kept(state) else None):
            return await drafts(state, deps)
    except (LimitReached, ModelError, TimeoutError) as exc:
        if not kept(state):
            raise
        why = str(exc) or f"the run may take {deps.settings.max_time:g} s"
        deps.emit(Notice("warning", f"nothing better is looked for: {why}"))
        return {"drafts": (), "answer": "", "round": len(rounds(state, deps))}
