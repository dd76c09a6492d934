"""What may be better than a candidate that passes: it is looked for while that one can still be published."""

import asyncio
import math
import time
from collections.abc import Awaitable
from typing import TypeVar

from moot.agent.core.errors import LimitReached
from moot.agent.core.types import Candidate
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.deps import Deps
from moot.agent.graph.gate import run_gate
from moot.agent.graph.generate import kept
from moot.agent.graph.state import RunState

__all__ = ["Beside", "gate_beside", "over"]

T = TypeVar("T")

_COMPARED = "the time to compare it with one that passes is over: allow more with MOOT_COMPARE_TIME"
_SPARED = "what passes has to be published: allow more with --max-time"


class Beside:
    """Bounds one argument: nothing is bounded while nothing passes.

    From then on others are written as long as what passes can still be published, and tested for the
    setting's time, all of them together. Where an earlier round kept a candidate, only the former counts
    until one of this argument passes.

    Attributes:
        notes: what was left out, in sentences.
    """

    def __init__(self, state: RunState, deps: Deps) -> None:
        self._kept, self._deps, self._earlier = kept(state), deps, frozenset(deps.judged)
        self._left = deps.settings.compare_time
        self.notes: list[str] = []

    @property
    def over(self) -> bool:
        """Whether one passes and the time to test others is over."""
        return self._passes and self._left <= 0

    async def write(self, work: Awaitable[T], what: str) -> T | None:
        """Await what others write or judge; None where that takes too long."""
        return await self._within(work, what, math.inf)

    async def test(self, work: Awaitable[T], what: str) -> T | None:
        """Await tests; None where they take too long."""
        passes, started = self._passes, time.monotonic()
        try:
            return await self._within(work, what, self._left if passes else math.inf)
        finally:
            if passes:
                self._left -= time.monotonic() - started

    @property
    def _passes(self) -> bool:
        judged = self._deps.judged.items()
        return any(one.verified for commit, one in judged if commit not in self._earlier)

    async def _within(self, work: Awaitable[T], what: str, most: float) -> T | None:
        if not (self._kept or self._passes):
            return await work
        spare = self._deps.limits.seconds_to_spare
        try:
            async with asyncio.timeout(max(0.0, min(most, spare))):
                return await work
        except (TimeoutError, LimitReached) as exc:
            why = str(exc) or over(most, spare)
        self.notes.append(f"{what} left out: {why}")
        self._deps.warn_once(f"the argument is cut short: {why}")
        return None


async def gate_beside(candidate: Candidate, state: RunState, deps: Deps) -> Contestant | str:
    """Put a candidate more through the gate, beside those that passed it; return why it was not."""
    most, spare = deps.settings.compare_time, deps.limits.seconds_to_spare
    try:
        async with asyncio.timeout(min(most, spare)):
            return await run_gate(candidate, state, deps)
    except (TimeoutError, LimitReached) as exc:
        return f"{candidate.id} is left out: {str(exc) or over(most, spare)}"


def over(most: float, spare: float) -> str:
    """Say which of two bounds, in seconds, was met."""
    return _COMPARED if most < spare else _SPARED
