"""Takes in the patches of a round as they come: each is committed and tested while others are awaited."""

import asyncio
from collections.abc import Sequence

from anyio import to_thread

from moot.agent.core.errors import MootError
from moot.agent.core.events import Notice
from moot.agent.core.types import Candidate
from moot.agent.graph.beside import Beside
from moot.agent.graph.commit import commit_drafts
from moot.agent.graph.deps import Deps
from moot.agent.graph.entrants import Entrants
from moot.agent.graph.failures import wanted
from moot.agent.graph.gate import run_gate, run_targets
from moot.agent.graph.infill import infill_drafts
from moot.agent.graph.state import Draft, RunState

__all__ = ["with_more"]

_OTHERS = "what others write is"


async def with_more(state: RunState, deps: Deps, entrants: Entrants, beside: Beside) -> RunState:
    """Return the round with what others write, each tested as it comes, the incumbent before all."""
    if deps.runner is None or state["candidates"][0].generator != "chat":
        return state
    intake = _Intake(state, deps, beside)
    if deps.limits.tokens_left is not None:
        await beside.write(entrants.joined(), _OTHERS)  # what they leave of the tokens bounds the infills
    infilled = await beside.write(_infills(state, deps, entrants), "infills are")
    await intake.test(entrants.drafts)
    if not beside.over:
        await beside.write(entrants.joined(), _OTHERS)
    return await intake.joined(infilled or RunState(drafts=()))


async def _infills(state: RunState, deps: Deps, entrants: Entrants) -> RunState:
    """Fill in one batch of suspicious places beside a chat answer, where a failing test points at them.

    A round of infills that comes later goes on with the next batch.
    """
    earlier = state.get("infilled", 0)
    if earlier or deps.generation.fim is None or deps.generation.first == "fim" or not wanted(state):
        return {"drafts": (), "infilled": earlier}
    try:
        update = await infill_drafts(state, deps, 0, entrants.spent_on_infills, entrants.tokens_left)
    except MootError as exc:
        deps.emit(Notice("warning", f"no infills are argued: {exc}"))
        return {"drafts": (), "infilled": 0}
    return {"drafts": update["drafts"], "localisation": update["localisation"], "infilled": 1}


class _Intake:
    """A round whose candidates grow.

    Tests run one at a time, in the run's one workspace, and what they say is kept by commit, so that the
    steps that follow ask for it again and nothing runs twice.
    """

    def __init__(self, state: RunState, deps: Deps, beside: Beside) -> None:
        self._state: RunState = state
        self._deps, self._beside = deps, beside

    async def test(self, drafts: "asyncio.Queue[Draft | None]") -> None:
        """Test the incumbent, then each that comes, until nothing else does."""
        first = self._state["candidates"][0]
        await self._beside.test(run_gate(first, self._state, self._deps), f"{first.id} is")
        while not self._beside.over and (draft := await self._beside.write(drafts.get(), _OTHERS)):
            known = len(self._state["candidates"])
            await self._commit([draft])
            for candidate in self._state["candidates"][known:]:
                await self._beside.test(self._tried(candidate), f"{candidate.id} is")

    async def _tried(self, candidate: Candidate) -> None:
        fixed = await run_targets(candidate, self._state, self._deps)
        if fixed or not wanted(self._state):
            await run_gate(candidate, self._state, self._deps)

    async def joined(self, infilled: RunState) -> RunState:
        """Return the round with a batch of infills, which are not tested yet."""
        await self._commit(infilled["drafts"])
        return {**self._state, **infilled, "drafts": self._state["drafts"]}

    async def _commit(self, drafts: Sequence[Draft]) -> None:
        state = self._state
        update = await to_thread.run_sync(commit_drafts, drafts, state, self._deps, state["candidates"])
        self._state = {
            **state,
            "candidates": (*state["candidates"], *update["candidates"]),
            "seen": update["seen"],
            "votes": update["votes"],
            "weights": update["weights"],
            "drafts": (*state["drafts"], *drafts),
        }
