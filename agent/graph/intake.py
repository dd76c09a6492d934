"""Takes in the patches of a round as they come: each is committed and tested while others are awaited."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from anyio import to_thread

from moot.agent.fusion.member import Member
from moot.agent.graph.chat import Take
from moot.agent.graph.commit import commit_drafts
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.gate import run_gate, run_targets
from moot.agent.graph.state import Draft, RunState

__all__ = ["Intake"]


class Intake:
    """A round whose candidates grow.

    Tests run one at a time, in the run's one workspace, and what they say is kept by commit, so that the
    steps that follow ask for it again and nothing runs twice.
    """

    def __init__(self, state: RunState, deps: Deps) -> None:
        self._state: RunState = state
        self._deps = deps
        self._waiting: asyncio.Queue[Draft | None] = asyncio.Queue()
        self._taken: Counter[str] = Counter()

    def taking(self, member: Member, most: int) -> Take:
        """Return what takes in a member's patches; beyond so many, as after a second request, none."""

        def take(draft: Draft) -> None:
            if self._taken[member.name] < most:
                self._taken[member.name] += 1
                self._waiting.put_nowait(draft)

        return take

    def has(self, member: Member) -> bool:
        """Tell whether a patch of a member was taken in."""
        return self._taken[member.name] > 0

    def close(self) -> None:
        """Say that nothing else comes."""
        self._waiting.put_nowait(None)

    async def test(self) -> None:
        """Test the incumbent, then each that comes, until nothing else does."""
        await run_gate(self._state["candidates"][0], self._state, self._deps)
        while (draft := await self._waiting.get()) is not None:
            known = len(self._state["candidates"])
            await self._commit([draft])
            for candidate in self._state["candidates"][known:]:
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
            "drafts": (*state["drafts"], *drafts),
        }
