"""Selection by evidence: the cheapest check first, and an honest count of what survives."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from moot.agent.repair.infill import Infill

__all__ = ["Check", "Selection", "select"]

Check = Callable[[Infill], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a search came to.

    Attributes:
        survivors: distinct candidates that passed every check, best first. More than one means that
            the tests do not tell them apart: none is certain.
        tested: candidates that the first check saw.
        passed: how many passed each check, in the order of the checks.
    """

    survivors: tuple[Infill, ...]
    tested: int
    passed: tuple[int, ...]


async def select(
    batches: AsyncIterator[Sequence[Infill]], checks: Sequence[Check], enough: int = 3
) -> Selection:
    """Test candidates until `enough` survive or none is left.

    Args:
        batches: candidates; a batch that yielded a survivor is finished before the search may stop.
        checks: cheapest first (the failing test, its file, everything); the first failure ends a candidate.
        enough: distinct survivors after which no further batch is asked for.
    """
    survivors: list[Infill] = []
    passed = [0] * len(checks)
    tested = 0
    async for batch in batches:
        for infill in batch:
            tested += 1
            reached = await _reached(infill, checks)
            for stage in range(reached):
                passed[stage] += 1
            if reached == len(checks):
                survivors.append(infill)
        if len(survivors) >= enough:
            break
    ordered = tuple(sorted(survivors, key=_order))
    return Selection(ordered, tested, tuple(passed))


async def _reached(infill: Infill, checks: Sequence[Check]) -> int:
    """Return how many checks in a row a candidate passes."""
    for stage, check in enumerate(checks):
        if not await check(infill):
            return stage
    return len(checks)


def _order(infill: Infill) -> tuple[float, float, int]:
    """Evidence is equal among survivors: then rank (mask and likelihood), then size."""
    return -infill.rank, -infill.logprob, len(infill.text)
