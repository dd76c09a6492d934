"""When enough members have answered: quorum, deadline, one hedge, and when to give up. Pure."""

from dataclasses import dataclass, field
from statistics import median

__all__ = ["Hedge", "Patience", "Race", "Stop", "Wait"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the others are waited for.

    Attributes:
        factor: times the rolling median of the latencies so far, once there is a quorum.
        least: seconds that are waited beyond the median in any case: fast answers vary more than that.
        lonely: times the median, while there is no quorum.
        lonely_least: seconds that are waited while there is no quorum.
    """

    factor: float = 1.25
    least: float = 0.5
    lonely: float = 8.0
    lonely_least: float = 30.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for the next report, so many seconds at most; None means as long as it takes."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Hedge:
    """Ask this member a second time; the first of both answers counts."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Wait no longer."""


@dataclass(slots=True)
class Race:
    """Members that were asked at the same moment, the incumbent first. Times are seconds since then.

    The quorum is an answer of the first member that has not failed, and one more, of whomever. From then on
    the rest is waited for until `factor` times the median. Without it, the first that is missing is asked
    once more (Dean and Barroso, 2013, "The tail at scale"), and after `lonely` times the median what is
    there has to do.

    Attributes:
        steady: those whose answers are on their way in any case, so that none is asked twice. The incumbent
            among them is waited for, as no answer counts without it, and its time is the least median.
    """

    names: tuple[str, ...]
    patience: Patience = field(default_factory=Patience)
    steady: frozenset[str] = frozenset()
    _answered: dict[str, float] = field(default_factory=dict[str, float])
    _answers: int = 0
    _failed: set[str] = field(default_factory=set[str])
    _hedged: str = ""

    def answered(self, name: str, at: float, answers: int = 1) -> None:
        """Take in so many answers of a member."""
        self._answered.setdefault(name, at)
        self._answers += answers

    def failed(self, name: str) -> None:
        """Take in that nothing will come from a member any more."""
        self._failed.add(name)

    @property
    def pending(self) -> list[str]:
        """Those of whom nothing was heard yet, in order."""
        return [name for name in self.names if name not in self._answered and name not in self._failed]

    @property
    def quorum(self) -> bool:
        """Whether the first that did not fail has answered, and there is another answer."""
        first = next((name for name in self.names if name not in self._failed), None)
        return first in self._answered and self._answers > 1

    def next(self, now: float) -> Wait | Hedge | Stop:
        """Return what to do now."""
        if not self.pending:
            return Stop()
        first = self.names[0]
        if not self._answered or (first in self.steady and first in self.pending):
            return Wait(None)
        middle = median(self._answered.values())
        if first in self.steady:
            middle = max(middle, self._answered.get(first, 0.0))
        deadline = max(self.patience.factor * middle, middle + self.patience.least)
        if self.quorum:
            return Wait(deadline - now) if now < deadline else Stop()
        late = [] if self._hedged else [name for name in self.pending if name not in self.steady]
        if late and now >= deadline:
            self._hedged = late[0]
            return Hedge(self._hedged)
        end = max(self.patience.lonely * middle, middle + self.patience.lonely_least)
        if now >= end:
            return Stop()
        return Wait((min(deadline, end) if late else end) - now)
