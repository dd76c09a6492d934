"""Which candidates survived their tests, and how they differ beside those."""

from dataclasses import dataclass

__all__ = ["Difference", "Output", "Selection", "Survivor"]


@dataclass(frozen=True, slots=True)
class Output:
    """What a call gave with one candidate's files; `base` for those before any edit."""

    candidate: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A call on which survivors differ; `path`: the file of what is called."""

    call: str
    outputs: tuple[Output, ...]
    path: str = ""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A candidate that passed the gate.

    Attributes:
        change: its diff in one line.
        group: those of one number behaved alike in everything that was tried; from 1.
        fixed: tests that it fixes.
        objections: what speaks against it, though its tests pass; the weight sums that up.
        logprob: mean log-probability of its tokens; 0.0 when unknown.
        changed: lines added and removed.
        fitted: an objection is a sign that it is made for the failing test: it names its values, or changes
            what was right in tests that passed.
    """

    id: str
    change: str
    group: int
    fixed: int
    objections: tuple[str, ...] = ()
    weight: int = 0
    logprob: float = 0.0
    changed: int = 0
    fitted: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Which candidates survived, the selected one first, and how they differ.

    Attributes:
        tested: candidates of the round.
        compared: in a sentence, what was tried beside the tests, or why nothing was.
        calls: on which they were compared.
    """

    tested: int
    survivors: tuple[Survivor, ...]
    groups: int
    differences: tuple[Difference, ...] = ()
    compared: str = ""
    calls: int = 0
