"""A few lines of code that are run with several versions of a repository, and what they show."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Observed", "Trial"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A few lines whose last expression is looked at, as in a prompt.

    Attributes:
        path: the source file that they are about, from the top of the repository: its language is theirs.
    """

    id: str
    path: str
    code: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What a trial showed in each of several runs with one version.

    Attributes:
        kind: `value` (of the last expression, after what was printed), `error` (an exception of the code
            under test: its name and message), `late` (it did not end in time), `unsteady` (the runs differ)
            or `unusable` (the lines themselves cannot run).
        text: the value, the error, or why there is none.
    """

    kind: Literal["value", "error", "late", "unsteady", "unusable"]
    text: str

    @property
    def tells(self) -> bool:
        """Whether it can be held against what is expected; an endless loop is an answer, too."""
        return self.kind in ("value", "error", "late")
