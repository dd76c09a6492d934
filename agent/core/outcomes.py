"""What became of published edits: what was predicted of each, and what happened to it."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["RIPE_DAYS", "Fate", "Features", "Outcome"]

RIPE_DAYS = 30
"""Days in which a revert or a fix counts as the edit's fault, and after which it counts as kept."""


@dataclass(frozen=True, slots=True)
class Features:
    """What predicts that a change is wrong, as measured; None where that is not known.

    Attributes:
        added, removed: lines.
        files, folders: that are changed.
        entropy: how evenly the changed lines lie over the files: 0 in one, 1 the same in each.
        churn: earlier commits that changed a touched file, on average over the files.
        fixes: those of them that say they fix something.
        fan_in: other files that name a touched definition, for the one that is named most.
        uncovered: share of the added lines that no test is known to reach.
        disagreement: 0 where all samples of a round are one edit, 1 where each is another.
    """

    added: int
    removed: int
    files: int
    folders: int
    entropy: float = 0.0
    churn: float | None = None
    fixes: float | None = None
    fan_in: int | None = None
    uncovered: float | None = None
    disagreement: float | None = None


class Fate(StrEnum):
    """What became of an edit; of a lost one nothing is known, an unpublished one was argued in vain."""

    OPEN = "open"
    KEPT = "kept"
    UNDONE = "undone"
    REVERTED = "reverted"
    FIXED = "follow-up-fix"
    LOST = "lost"
    UNPUBLISHED = "unpublished"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One published edit.

    Attributes:
        root: top of the repository's working tree.
        commit: what was published; empty where no commit was made.
        at: when, in seconds since 1970.
        probability: as it was shown, learned or not.
        mode: how candidates are argued.
        incumbent, chosen: ids of the first candidate and of the published one.
        incumbent_passed, chosen_passed: what their tests say; None where they did not run.
        candidates, survivors: of the argument; 0 without one.
        tokens, seconds, cost: of the whole run; cost in US dollars.
        argued_tokens, argued_seconds, argued_cost: what arguments took of them.
        futile: arguments of earlier rounds in which no candidate passed.
        fate_at: when the fate was known, in seconds since 1970; 0 while it is open.
    """

    run_id: str
    root: str
    commit: str
    at: int
    features: Features
    probability: float
    impact: float
    argued: bool = False
    mode: str = "best-of"
    incumbent: str = ""
    chosen: str = ""
    incumbent_passed: bool | None = None
    chosen_passed: bool | None = None
    candidates: int = 0
    survivors: int = 0
    tokens: int = 0
    argued_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    argued_seconds: float = 0.0
    argued_cost: float = 0.0
    futile: int = 0
    fate: Fate = Fate.OPEN
    fate_at: int = 0

    @property
    def changed(self) -> bool:
        """Whether the argument put another candidate in the incumbent's place."""
        return self.argued and self.chosen != self.incumbent

    @property
    def chosen_wrong(self) -> bool | None:
        """Whether the published edit was wrong, as far as its fate tells."""
        if self.fate in (Fate.UNDONE, Fate.REVERTED, Fate.FIXED):
            return True
        return False if self.fate is Fate.KEPT else None

    @property
    def wrong(self) -> bool | None:
        """Whether the incumbent was wrong: it failed its tests, or it was published and did not last."""
        if self.incumbent_passed is False:
            return True
        return self.chosen_wrong if self.chosen == self.incumbent else None

    @property
    def fixed(self) -> bool:
        """The incumbent failed its tests, and what replaced it passed them."""
        return self.changed and self.incumbent_passed is False and self.chosen_passed is True

    @property
    def broken(self) -> bool:
        """The incumbent passed its tests, and what replaced it did not, or did not last."""
        bad = self.chosen_passed is False or self.chosen_wrong is True
        return self.changed and self.incumbent_passed is True and bad
