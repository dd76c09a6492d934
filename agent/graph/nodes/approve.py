"""Ask a person where policy wants one: an interrupt that a terminal answers."""

from dataclasses import replace

from anyio import to_thread
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from moot.agent.core.choices import ApprovalPolicy
from moot.agent.core.errors import Refused
from moot.agent.core.types import Risk
from moot.agent.core.verification import unasked
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState, start_of
from moot.agent.graph.surroundings import rate
from moot.agent.risk.asked import mark_asked
from moot.agent.risk.assess import refusal

__all__ = ["approve"]


async def approve(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Approve by policy, or wait for a yes: a no never comes here, and ends the run as the question says.

    What weakens tests and was not asked for needs a yes of its own: `--yes` does not cover it.
    """
    deps, candidate = runtime.context, state["selected"]
    assert candidate is not None
    # by the setting as it is now: who resumes the run may allow more
    marked = mark_asked(candidate.flags, state["task"].text, deps.settings.allow_test_changes)
    candidate = replace(candidate, flags=marked)
    risk, flags = await rate(candidate, state, deps), unasked(marked)
    approved: RunState = {"approved": True, "risk": risk, "selected": candidate}
    if not flags and not _wants_a_person(deps.settings.approve, risk):
        return approved
    if flags and deps.settings.approve is ApprovalPolicy.NEVER:
        raise Refused(refusal(flags))
    diff = await to_thread.run_sync(deps.repository.diff, start_of(state), candidate.commit)
    evidence = [text for text in (state.get("evidence", ""),) if text]
    denied = refusal(flags) if flags else "the edit was not approved: nothing was published"
    question = {"candidate": candidate.id, "diff": diff, "reasons": [*risk.reasons, *evidence]}
    interrupt({**question, "refusal": denied})
    return approved


def _wants_a_person(policy: ApprovalPolicy, risk: Risk) -> bool:
    return policy is ApprovalPolicy.ASK or (policy is ApprovalPolicy.AUTO and risk.ask)
