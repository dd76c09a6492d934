"""The one stream that every front end sees: what a person would want to watch, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from moot.agent.core.behaviour import Selection
from moot.agent.core.commands import TestReport
from moot.agent.core.messages import Usage
from moot.agent.core.types import Candidate, IndexStats, PackedFile, Publication, RankedFile, Risk, RunResult

__all__ = [
    "ApprovalRequested",
    "CandidateProposed",
    "CandidateRejected",
    "CandidateSelected",
    "CandidatesGenerated",
    "ContextPacked",
    "Emit",
    "Event",
    "EvidenceFound",
    "FilesConsidered",
    "IndexUpdated",
    "ModelCalled",
    "Notice",
    "Published",
    "RiskAssessed",
    "RunFinished",
    "RunStarted",
    "StepFinished",
    "StepStarted",
    "SuspectsFound",
    "TestsFinished",
    "TestsStarted",
    "TokensStreamed",
    "ToolCalled",
]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began or was resumed."""

    run_id: str
    task: str
    repository: str
    base: str
    model: str
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A node of the graph began. Names are those of `agent/graph/build.py`."""

    step: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A node of the graph ended."""

    step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know, in one sentence."""

    level: Literal["info", "warning"]
    text: str


@dataclass(frozen=True, slots=True)
class IndexUpdated:
    """The index matches the base commit."""

    stats: IndexStats


@dataclass(frozen=True, slots=True)
class FilesConsidered:
    """Ranked files, best first."""

    files: tuple[RankedFile, ...]


@dataclass(frozen=True, slots=True)
class ContextPacked:
    """The context is ready."""

    tokens: int
    budget: int
    files: tuple[PackedFile, ...]


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model looked something up."""

    name: str
    arguments: str
    summary: str


@dataclass(frozen=True, slots=True)
class TokensStreamed:
    """A piece of an answer as it is written."""

    purpose: str
    text: str


@dataclass(frozen=True, slots=True)
class ModelCalled:
    """A model call ended, with what it used."""

    purpose: str
    usage: Usage
    seconds: float


@dataclass(frozen=True, slots=True)
class SuspectsFound:
    """Lines that the failing tests execute, most suspicious first: (path, line, score in [0, 1])."""

    lines: tuple[tuple[str, int, float], ...]


@dataclass(frozen=True, slots=True)
class CandidatesGenerated:
    """A batch of candidates for a failing test, before they are tested.

    Attributes:
        generator: `fim`, `correct` or `rewrite`.
        place: which batch, or which function was written anew.
        masks: places that the model filled, or lines that it corrected; `operators` were exchanged
            without it.
        answers: of the model; `candidates` are the distinct edits that parse.
    """

    generator: str
    place: str
    masks: int
    operators: int
    answers: int
    candidates: int


@dataclass(frozen=True, slots=True)
class CandidateProposed:
    """An edit that applies and parses."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class CandidateRejected:
    """An edit that was dropped, and why."""

    candidate: str
    reason: str


@dataclass(frozen=True, slots=True)
class CandidateSelected:
    """The edit that goes on to approval, and the other survivors, where tests told any."""

    candidate: Candidate
    survivors: int
    reason: str
    selection: Selection | None = None


@dataclass(frozen=True, slots=True)
class RiskAssessed:
    """How risky the proposed edit is."""

    candidate: str
    risk: Risk


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """A fact about a candidate that was established by running something."""

    id: str
    candidate: str
    text: str


@dataclass(frozen=True, slots=True)
class TestsStarted:
    """Tests began; `candidate` is None for the base commit."""

    command: str
    candidate: str | None


@dataclass(frozen=True, slots=True)
class TestsFinished:
    """Tests ended; `candidate` is None for the base commit."""

    report: TestReport
    candidate: str | None


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """The run waits for a yes or no to this diff."""

    candidate: str
    diff: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """The edit is in the user's repository."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class RunFinished:
    """Always the last event."""

    result: RunResult


Event = (
    RunStarted
    | StepStarted
    | StepFinished
    | Notice
    | IndexUpdated
    | FilesConsidered
    | ContextPacked
    | ToolCalled
    | TokensStreamed
    | ModelCalled
    | SuspectsFound
    | CandidatesGenerated
    | CandidateProposed
    | CandidateRejected
    | CandidateSelected
    | RiskAssessed
    | EvidenceFound
    | TestsStarted
    | TestsFinished
    | ApprovalRequested
    | Published
    | RunFinished
)

Emit = Callable[[Event], None]
