"""The table at which an argument is held: whatever is used there enters the run's account."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from moot.agent.core.events import ModelCalled
from moot.agent.fusion.ledger import Caps, Ledger
from moot.agent.fusion.seat import Table
from moot.agent.graph.deps import Deps

__all__ = ["INFILL", "SAMPLE", "seated"]

SAMPLE = "sample"
"""What the ledger calls further answers of the run's own model to the incumbent's prompt."""
INFILL = "infill"
"""What it calls a batch of infills. Both say by themselves what they used."""


@asynccontextmanager
async def seated(deps: Deps) -> AsyncGenerator[Table]:
    """Open a table within what is left of the run's limits, with its own model seated.

    Its time is over while the patch that stays where nothing is decided can still be published.
    """
    council, limits = deps.council, deps.limits
    ledger = Ledger(Caps(limits.tokens_left, limits.cost_left, limits.seconds_to_spare))
    table = Table(council.connect, ledger)
    table.lend(council.own, deps.client)
    try:
        yield table
    finally:
        await table.close()
        for entry in ledger.entries:
            if entry.purpose not in (SAMPLE, INFILL):
                deps.emit(ModelCalled(entry.purpose, entry.usage, entry.seconds))
            if entry.member != council.own.name:
                limits.elsewhere.add(entry.usage, entry.cost)
