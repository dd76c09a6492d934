"""Ask a person where policy wants one: an interrupt that a terminal answers."""

from anyio import to_thread
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from moot.agent.core.errors import Refused
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.risk.assess import assess

__all__ = ["approve"]


async def approve(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Approve by policy, or wait for a yes or no. A denial ends the run."""
    deps, candidate = runtime.context, state["selected"]
    assert candidate is not None
    risk = assess(candidate.deltas)
    policy = deps.settings.approve
    if policy == "never" or (policy == "auto" and not risk.high):
        return {"approved": True, "risk": risk}
    diff = await to_thread.run_sync(deps.repository.diff, state["base"], candidate.commit)
    if not interrupt({"candidate": candidate.id, "diff": diff, "reasons": list(risk.reasons)}):
        raise Refused("the edit was not approved: nothing was published")
    return {"approved": True, "risk": risk}
