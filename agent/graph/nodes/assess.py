"""How risky are these candidates? The riskiest decides whether they are argued."""

from langgraph.runtime import Runtime

from moot.agent.core.events import RiskAssessed
from moot.agent.core.verification import unasked
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.risk.assess import assess as rate

__all__ = ["assess"]


async def assess(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Rate the candidates; the state keeps the highest product of probability and impact.

    One that weakens tests comes after all others, so it counts only where every one does.
    """
    if not state["candidates"]:
        return {"risk": None}
    sound = [candidate for candidate in state["candidates"] if not unasked(candidate.flags)]
    considered = sound or state["candidates"]
    rated = [(candidate, rate(candidate.deltas, candidate.flags)) for candidate in considered]
    candidate, risk = max(rated, key=lambda pair: pair[1].probability * pair[1].impact)
    runtime.context.emit(RiskAssessed(candidate.id, risk))
    return {"risk": risk}
