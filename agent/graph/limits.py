"""The limits of a run: tokens, cost and time, checked before each model call."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from moot.agent.core.config import Settings
from moot.agent.core.errors import LimitReached
from moot.agent.core.messages import Usage

__all__ = ["Elsewhere", "Limits", "cost"]

_SHORTEST = 32
"""Tokens of an answer that is worth asking for."""

_LAST, _LAST_SHARE = 15.0, 0.1
"""Seconds, and their share of a run, in which a candidate that passes is published."""


def cost(usage: Usage, settings: Settings) -> float:
    """Return US dollars at the settings' prices; cached tokens count as read."""
    return (usage.prompt * settings.price_in + usage.completion * settings.price_out) / 1e6


@dataclass(slots=True)
class Elsewhere:
    """What other models than the run's own used, at their own prices in US dollars."""

    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0

    def add(self, usage: Usage, cost: float) -> None:
        """Enter a call."""
        self.usage, self.cost = self.usage + usage, self.cost + cost


@dataclass(slots=True)
class Limits:
    """What a run may use; `own` returns its model's tokens, of this process and of those before it.

    Attributes:
        earlier: seconds that processes before this one took; they do not count against the limit.
    """

    settings: Settings
    own: Callable[[], Usage]
    started: float = field(default_factory=time.monotonic)
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    earlier: float = 0.0

    def used(self) -> Usage:
        """Return the tokens of all models."""
        return self.own() + self.elsewhere.usage

    @property
    def cost(self) -> float:
        """What all models cost so far, in US dollars."""
        return cost(self.own(), self.settings) + self.elsewhere.cost

    @property
    def cost_left(self) -> float | None:
        """US dollars that may still be spent; None without a limit."""
        most = self.settings.max_cost
        return None if most is None else max(0.0, most - self.cost)

    @property
    def seconds(self) -> float:
        """Wall time that the run took so far, in seconds, in all of its processes."""
        return self.earlier + time.monotonic() - self.started

    @property
    def seconds_left(self) -> float:
        """Wall time that remains, in seconds."""
        return self.settings.max_time - (time.monotonic() - self.started)

    @property
    def seconds_to_spare(self) -> float:
        """Wall time that remains until what passes has to be published, in seconds."""
        return max(0.0, self.seconds_left - min(_LAST, _LAST_SHARE * self.settings.max_time))

    @property
    def tokens_left(self) -> int | None:
        """Tokens that may still be read and written; None where neither they nor the cost are limited."""
        usage, settings = self.used(), self.settings
        bounds: list[float] = []
        if settings.max_tokens is not None:
            bounds.append(settings.max_tokens - usage.total)
        price = max(settings.price_in, settings.price_out)
        if self.cost_left is not None and price:
            bounds.append(self.cost_left / price * 1e6)
        return max(0, int(min(bounds))) if bounds else None

    @property
    def half_left(self) -> bool:
        """Whether at least half of everything that is limited remains."""
        left = self.tokens_left
        return self.seconds_left >= self.settings.max_time / 2 and (left is None or left >= self.used().total)

    def answer(self, wanted: int, prompt: int, answers: int = 1) -> int:
        """Return how many tokens each of some answers to one prompt may have: `wanted`, or what is left.

        Raises:
            LimitReached: what is left is too little for any answer.
        """
        left = self.tokens_left
        room = wanted if left is None else min(wanted, (left - prompt) // answers)
        if room < min(wanted, _SHORTEST):
            raise LimitReached(f"the {left} tokens left do not suffice for another answer: {self.flags}")
        return room

    @property
    def flags(self) -> str:
        """What the user can do about too few tokens."""
        return "allow more with --max-tokens or --max-cost"

    def check(self) -> None:
        """Raise LimitReached, naming the limit and the setting that raises it."""
        usage, settings = self.used(), self.settings
        if settings.max_tokens is not None and usage.total >= settings.max_tokens:
            raise LimitReached(f"the run used {usage.total} tokens: allow more with --max-tokens")
        if settings.max_cost is not None and self.cost >= settings.max_cost:
            raise LimitReached(f"the run cost ${self.cost:.4f}: allow more with --max-cost")
        if self.seconds_left <= 0:
            raise LimitReached(f"the run took {settings.max_time:g} s: allow more with --max-time")
