"""What a fusion used, call by call, and what one model alone would have."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from moot.agent.core.errors import LimitReached
from moot.agent.core.messages import Usage
from moot.agent.fusion.member import Member

__all__ = ["Account", "Alone", "Caps", "Entry", "Ledger"]


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits of one fusion: tokens read and written, US dollars, seconds. None means none."""

    tokens: int | None = None
    cost: float | None = None
    seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One call.

    Attributes:
        member: who was asked.
        purpose: `answer`, `judge`, `compare`, `write`, `criticise` or `revise`.
        seconds: from the request to its end, waiting for a free place included.
        cost: US dollars.
        done: False for calls that failed or were cancelled; they are paid for like the others.
    """

    member: str
    purpose: str
    usage: Usage
    seconds: float
    cost: float
    done: bool


@dataclass(frozen=True, slots=True)
class Alone:
    """What the incumbent's first answer would have taken by itself."""

    member: str
    tokens: int
    seconds: float
    cost: float


@dataclass(frozen=True, slots=True)
class Account:
    """The whole bill; ratios are to one model alone, and None where that is free or unknown."""

    entries: tuple[Entry, ...]
    seconds: float
    alone: Alone | None

    @property
    def usage(self) -> Usage:
        """Everything that was used."""
        return sum((entry.usage for entry in self.entries), Usage())

    @property
    def cost(self) -> float:
        """US dollars."""
        return sum(entry.cost for entry in self.entries)

    @property
    def ratios(self) -> dict[str, float | None]:
        """Tokens, seconds and cost over those of one model alone."""
        if self.alone is None:
            return {"tokens": None, "seconds": None, "cost": None}
        return {
            "tokens": _ratio(self.usage.total, self.alone.tokens),
            "seconds": _ratio(self.seconds, self.alone.seconds),
            "cost": _ratio(self.cost, self.alone.cost),
        }


@dataclass(slots=True)
class Ledger:
    """Keeps the entries within the caps: what calls in flight may still use counts as used."""

    caps: Caps
    clock: Callable[[], float] = time.monotonic
    entries: list[Entry] = field(default_factory=list[Entry])
    limit: str = ""
    _started: float = field(init=False)
    _tokens_reserved: int = 0
    _cost_reserved: float = 0.0

    def __post_init__(self) -> None:
        self._started = self.clock()

    @property
    def seconds(self) -> float:
        """Seconds since it was opened."""
        return self.clock() - self._started

    @property
    def seconds_left(self) -> float:
        """Seconds until the cap on time."""
        return max(0.0, self.caps.seconds - self.seconds)

    @property
    def tokens_left(self) -> int | None:
        """Tokens that nothing has used or reserved; None without a cap."""
        if self.caps.tokens is None:
            return None
        used = sum(entry.usage.total for entry in self.entries)
        return max(0, self.caps.tokens - used - self._tokens_reserved)

    @property
    def cost_left(self) -> float | None:
        """US dollars that nothing has cost or reserved; None without a cap."""
        if self.caps.cost is None:
            return None
        return max(0.0, self.caps.cost - sum(entry.cost for entry in self.entries) - self._cost_reserved)

    def reserve(self, member: Member, read: int, written: int) -> tuple[int, float]:
        """Set aside what a call may use at most, and return it.

        Raises:
            LimitReached: a cap does not allow for it.
        """
        tokens, cost = read + written, member.cost(read, written)
        if self.tokens_left is not None and tokens > self.tokens_left:
            raise self.reached(
                "tokens", f"{tokens} more tokens would pass {self.caps.tokens}: raise --max-tokens"
            )
        if self.cost_left is not None and cost > self.cost_left:
            raise self.reached("cost", f"a further call would pass ${self.caps.cost:g}: raise --max-cost")
        self._tokens_reserved += tokens
        self._cost_reserved += cost
        return tokens, cost

    def settle(self, reserved: tuple[int, float], entry: Entry) -> None:
        """Enter a call that ended, and give back what was set aside for it."""
        self._tokens_reserved -= reserved[0]
        self._cost_reserved -= reserved[1]
        self.entries.append(entry)

    def reached(self, limit: str, sentence: str) -> LimitReached:
        """Remember that a limit was hit, and return its error."""
        self.limit = self.limit or limit
        return LimitReached(sentence)

    def out_of_time(self) -> LimitReached:
        """Remember that the time was up, and return its error."""
        return self.reached("time", f"{self.caps.seconds:g} seconds were not enough: raise --max-time")


def _ratio(value: float, base: float) -> float | None:
    return value / base if base > 0 else None
