"""Several calls at once."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

__all__ = ["together"]

T = TypeVar("T")


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what the calls return, in their order.

    Unlike after `asyncio.gather`, none goes on once one has failed: an answer that nobody waits for is
    still written by the server and paid for. A `TaskGroup` would wrap the error in a group of errors.

    Raises:
        whatever the first call that fails raises.
    """
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
