"""How risky are these candidates? The riskiest decides whether they are argued."""

from langgraph.runtime import Runtime

from moot.agent.core.events import RiskAssessed
from moot.agent.core.types import Candidate
from moot.agent.core.verification import unasked
from moot.agent.graph.deps import Deps
from moot.agent.graph.entrants import dismiss
from moot.agent.graph.state import Incumbent, RunState
from moot.agent.graph.surroundings import disagreement, rate
from moot.agent.risk.assess import assess as rate_alone

__all__ = ["assess"]


async def assess(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Rate the riskiest candidate by all that is known, and the incumbent, which the others have to beat.

    Which one is the riskiest follows from the edits alone: a round may have a hundred of them. One under a
    hard rule comes first, which no probability overrules. One that weakens tests comes after all others, so
    it counts only where every one does.
    """
    deps, candidates = runtime.context, state["candidates"]
    if not candidates:
        await dismiss(deps)
        return {"risk": None}
    sound = [candidate for candidate in candidates if not unasked(candidate.flags)]
    riskiest, first = max(sound or candidates, key=_alone), candidates[0]
    state = {**state, "disagreement": disagreement(state)}
    risk = await rate(riskiest, state, deps)
    deps.emit(RiskAssessed(riskiest.id, risk))
    own = risk if riskiest is first else await rate(first, state, deps)
    return {"risk": risk, "incumbent": Incumbent(first, own), "disagreement": state["disagreement"]}


def _alone(candidate: Candidate) -> tuple[bool, float]:
    risk = rate_alone(candidate.deltas, candidate.flags)
    return bool(risk.rules), risk.probability * risk.impact
