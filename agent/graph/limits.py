"""The limits of a run: tokens, cost and time, checked before each model call."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from moot.agent.core.config import Settings
from moot.agent.core.errors import LimitReached
from moot.agent.core.messages import Usage

__all__ = ["Limits", "cost"]


def cost(usage: Usage, settings: Settings) -> float:
    """Return US dollars at the settings' prices; cached tokens count as read."""
    return (usage.prompt * settings.price_in + usage.completion * settings.price_out) / 1e6


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use; `used` returns the tokens of this process and of those before it."""

    settings: Settings
    used: Callable[[], Usage]
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float:
        """Wall time that remains, in seconds."""
        return self.settings.max_time - (time.monotonic() - self.started)

    def check(self) -> None:
        """Raise LimitReached, naming the limit and the setting that raises it."""
        usage, settings = self.used(), self.settings
        if settings.max_tokens is not None and usage.total >= settings.max_tokens:
            raise LimitReached(f"the run used {usage.total} tokens: allow more with --max-tokens")
        if settings.max_cost is not None and cost(usage, settings) >= settings.max_cost:
            raise LimitReached(f"the run cost ${cost(usage, settings):.4f}: allow more with --max-cost")
        if self.seconds_left <= 0:
            raise LimitReached(f"the run took {settings.max_time:g} s: allow more with --max-time")
