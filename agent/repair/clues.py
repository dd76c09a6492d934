"""What speaks for a line being at fault, and how much each kind of it weighs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["WEIGHTS", "Clue", "Evidence", "combine"]


class Clue(StrEnum):
    """Kinds of evidence; each is a figure in [0, 1]."""

    EXECUTED = "executed"
    TRACED = "traced"
    NAMED = "named"
    RETRIEVED = "retrieved"
    CHANGED = "changed"


WEIGHTS: Mapping[Clue, float] = {
    Clue.EXECUTED: 1.0,
    Clue.TRACED: 0.5,
    Clue.NAMED: 0.5,
    Clue.RETRIEVED: 0.1,
    Clue.CHANGED: 0.1,
}
"""The first three are the best round figures of tests/bench/bench_blame.py that leave the task's words,
which its bugs have not, a say; the last two, of which it says nothing, decide where all else is alike."""

_MONTH = 30
"""Days after which a change says half of what one of today does."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The clues of one line."""

    clues: Mapping[Clue, float]

    def changed(self, days: int | None) -> "Evidence":
        """Return it with the days since the line was last changed."""
        recent = 0.0 if days is None else 1 / (1 + days / _MONTH)
        return Evidence({**self.clues, Clue.CHANGED: recent})


def combine(
    evidence: Mapping[tuple[str, int], Evidence], weights: Mapping[Clue, float] = WEIGHTS
) -> dict[tuple[str, int], float]:
    """Return each line's suspiciousness in [0, 1]: the weighted mean of its clues."""
    total = sum(weights.values())
    return {
        place: sum(weights[clue] * value for clue, value in each.clues.items()) / total
        for place, each in evidence.items()
    }
