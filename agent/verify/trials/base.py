"""What a language's trials are given, and what its runs come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeGuard

from moot.agent.core.trials import Observed, Trial
from moot.agent.verify.runner import TestRunner

__all__ = ["RUNS", "WAITING", "Language", "Runs", "Work", "said", "settle"]

RUNS = 3
"""Runs of each trial with each version: what is not the same in all of them is no evidence."""

WAITING = 4
"""Times its processor's time that a trial may take: others may keep the machine busy, and it may sleep."""

_LONGEST = 400
"""Characters of what is observed."""

_SHORTEST, _MOST = 1.0, 2.0
"""Seconds of processor time for one run of one trial."""

_KINDS: tuple[str, ...] = ("value", "error", "late", "unusable")

Kind = Literal["value", "error", "late", "unusable"]

Runs = Mapping[tuple[str, str], Sequence[Observed]]
"""By version and trial, what was seen in each run that there was."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is run.

    Attributes:
        command: the test command: it tells the interpreter, and what is set up before tests.
        versions: by name, the files that stand in place of the workspace's; None: deleted.
        seconds: for all of it.
    """

    runner: TestRunner
    command: str
    workspace: Path
    versions: Mapping[str, Mapping[str, bytes | None]]
    trials: Sequence[Trial]
    seconds: float

    @property
    def limit(self) -> float:
        """Seconds of processor time for one run of one trial: a few lines that take longer have no end."""
        count = RUNS * len(self.versions) * len(self.trials)
        return max(_SHORTEST, min(_MOST, self.seconds / count))


class Language(Protocol):
    """Runs the trials of a language."""

    @property
    def suffixes(self) -> frozenset[str]:
        """Ends of the names of its source files."""
        ...

    async def run(self, work: Work) -> Runs:
        """Return what was seen; a trial that could not be run in a version is seen less than `RUNS` times.

        Raises:
            SandboxUnavailable: the sandbox could not be set up.
        """
        ...


def said(kind: str, text: str) -> Observed:
    """Return what code under test wrote; a kind that there is not is no value of anything."""
    known = _known(kind)
    return Observed(kind, text[:_LONGEST]) if known else Observed("unusable", "it answered in no known form")


def settle(seen: Sequence[Observed]) -> Observed:
    """Return what several runs come to."""
    if len(seen) < RUNS:
        return Observed("unusable", "it was not run: its set-up failed in this version, or there was no time")
    first, kinds = seen[0], {each.kind for each in seen}
    if kinds == {"late"} or all(each == first for each in seen):
        return first
    names = {each.text.partition(":")[0] for each in seen}
    if kinds == {"error"} and len(names) == 1:  # messages name temporary files and the like
        return Observed("error", names.pop())
    other = next(each for each in seen if each != first)
    return Observed("unsteady", f"{first.text}, then {other.text}"[:_LONGEST])


def _known(kind: str) -> TypeGuard[Kind]:
    return kind in _KINDS
