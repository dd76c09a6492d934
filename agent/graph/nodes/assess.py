"""How risky are these candidates? The riskiest decides whether they are argued."""

from langgraph.runtime import Runtime

from moot.agent.core.events import RiskAssessed
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.risk.assess import assess as rate

__all__ = ["assess"]


async def assess(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Rate every candidate; the state keeps the highest product of probability and impact."""
    if not state["candidates"]:
        return {"risk": None}
    rated = [(candidate, rate(candidate.deltas, candidate.flags)) for candidate in state["candidates"]]
    candidate, risk = max(rated, key=lambda pair: pair[1].probability * pair[1].impact)
    runtime.context.emit(RiskAssessed(candidate.id, risk))
    return {"risk": risk}
