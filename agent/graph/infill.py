"""Fill-in-the-middle drafts: one batch of masks a round."""

import time
from collections.abc import Callable
from functools import partial

from moot.agent.core.errors import LimitReached
from moot.agent.core.events import CandidatesGenerated, ModelCalled
from moot.agent.core.messages import Usage
from moot.agent.graph.deps import Deps
from moot.agent.graph.faults import Suspected, candidates_left, signatures, span_drafts, suspected
from moot.agent.graph.state import RunState
from moot.agent.repair.generate import Batch, Fault, Limits, fim_batch

__all__ = ["infill_drafts"]


Used = Callable[[Usage, float], None]
"""Is told of tokens and seconds."""


async def infill_drafts(
    state: RunState, deps: Deps, number: int, used: Used | None = None, tokens: int | None = None
) -> RunState:
    """Return the drafts of batch `number` (from 0), best first; none when the masks are used up.

    `tokens`: what others leave of the run's, where they are not on its account yet.
    """
    case = await suspected(state, deps)
    left = candidates_left(state, deps)
    limits = Limits(tokens=deps.limits.tokens_left if tokens is None else tokens)
    batch = await _batch(state, deps, case, number, limits, used) if left else None
    drafts = span_drafts("fim", number, batch.infills, case)[:left] if batch is not None else ()
    return {"localisation": case.found, "drafts": drafts}


async def _batch(
    state: RunState, deps: Deps, case: Suspected, number: int, limits: Limits, used: Used | None
) -> Batch | None:
    fim = deps.generation.fim
    assert fim is not None
    started = time.monotonic()
    called = partial(signatures, deps)
    fault = Fault(state["task"].text, case.found, case.sources, case.failing, called, case.test)
    batch = await fim_batch(deps.client, fim, fault, number, limits)
    if batch is None:
        return None
    if not batch.infills and batch.left_out:
        raise LimitReached(f"the tokens left do not suffice for another mask: {deps.limits.flags}")
    seconds = time.monotonic() - started
    deps.emit(ModelCalled("repair", batch.usage, seconds))
    if used is not None:
        used(batch.usage, seconds)
    found = len(batch.infills)
    what = f"batch {number + 1}"
    deps.emit(CandidatesGenerated("fim", what, batch.prompts, batch.operators, batch.completions, found))
    return batch
