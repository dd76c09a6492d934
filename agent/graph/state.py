"""The state of a run: small, serialisable, keyed by commit ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from moot.agent.core.behaviour import Selection
from moot.agent.core.commands import TestReport
from moot.agent.core.messages import ChatMessage, Usage
from moot.agent.core.types import Candidate, Followed, PackedFile, Publication, RankedFile, Risk, Task
from moot.agent.core.verification import IntegrityFlag, LintDelta, Reproduction, TestDelta, unasked
from moot.agent.edits.forms import ReplaceSpan, SymbolEdit
from moot.agent.repair.localise import Localisation

__all__ = [
    "SERIALISED",
    "Doubted",
    "Draft",
    "FusionSummary",
    "Incumbent",
    "Pace",
    "Reserve",
    "RunState",
    "is_chat",
    "start_of",
]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a generator wrote, before it is known to apply: an answer's text, or the edit itself.

    Attributes:
        author: a member of the pool; empty for the run's own model.
        cut: whether the text has no proper end.
    """

    id: str
    generator: str
    text: str
    logprob: float = 0.0
    edit: ReplaceSpan | SymbolEdit | None = None
    author: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class FusionSummary:
    """What was argued: how many contestants, how many survived, who won and why.

    Attributes:
        tokens, seconds, cost: that the arguments of all rounds took; cost in US dollars.
        futile: arguments of earlier rounds in which no candidate passed.
        alone, alone_seconds, alone_cost: what the run took beside them: what one model alone takes.
        elsewhere, elsewhere_cost: tokens of other models than the run's own, and their price in US dollars.
    """

    mode: str
    candidates: int
    survivors: int
    chosen: str | None
    reason: str
    tokens: int = 0
    seconds: float = 0.0
    futile: int = 0
    alone: int = 0
    elsewhere: Usage = field(default_factory=Usage)
    elsewhere_cost: float = 0.0
    cost: float = 0.0
    alone_seconds: float = 0.0
    alone_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The first candidate of a round, which the others have to beat, and its own risk.

    Attributes:
        passed: what the tests said of it in an argument; None where they did not run.
    """

    candidate: Candidate
    risk: Risk
    passed: bool | None = None


@dataclass(frozen=True, slots=True)
class Reserve:
    """A candidate whose tests pass, what they said, and what speaks against it.

    Attributes:
        verified: False where the tests pass only because some that failed do not run any more.
        lint: what the repository's checkers say; None when they were not asked.
    """

    candidate: Candidate
    report: TestReport | None
    delta: TestDelta
    reason: str
    demerits: tuple[str, ...]
    verified: bool = True
    lint: LintDelta | None = None

    @property
    def flags(self) -> tuple[IntegrityFlag, ...]:
        """What it takes from the tests without being asked to."""
        return unasked(self.candidate.flags)

    @property
    def only_linted(self) -> bool:
        """Whether nothing but findings of linters and type checkers speaks against it."""
        return self.verified and not self.flags

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """The better of two has the larger one."""
        return self.verified, self.only_linted, -len(self.demerits)


@dataclass(frozen=True, slots=True)
class Doubted:
    """Candidates that pass and look fitted to the failing test; `since`: the round of the first."""

    candidates: tuple[Candidate, ...]
    since: int


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from a request to the first token of its answer, and to the last."""

    first: float
    last: float


class RunState(TypedDict, total=False):
    """Every key is written by one step and read by later ones.

    Keys:
        base: commit id that candidates are edits of: the run's first, or that with a reproduction.
        before, after: the tests on the base and on the selected candidate; None when not run.
        reproduction: the tests that show what the task reports; there is none without a stack trace.
        follows: the run whose conversation this one goes on, and whether it could; None when it begins one.
        round: how many rounds of generation have begun.
        drafts, candidates: of the current round; candidates are in order of preference.
        votes: drafts of the current round with the edit of each candidate, by its id; `weights` are those of
            their authors, summed.
        infilled: batches of infills that were argued beside chat answers.
        disagreement: among the samples of the round, from 0 to 1; None where there is but one.
        incumbent: the first candidate of the last round that had any, and its risk; `risk` is the riskiest's.
        argued: the incumbent of the last round that was argued.
        follow_ups: rounds, from 0, that were put in to tell the model what speaks against what passes.
        seen: commits of every candidate so far, so that none is tested twice.
        localisation: suspicious lines, once they are known.
        feedback: what the model has to know about `answer`.
        said: the earlier answers of this run, each with what was wrong with it, as the last prompt had them.
        answer: the last answer in chat, or the one that `feedback` is about.
        pace: how fast the incumbent was written.
        selection: the candidates that passed the gate beside the selected one, and how they differ.
        verified: whether the selected candidate passed the gate.
        flaky: tests that failed on the base and then passed there.
        baseline_from: when the base's tests ran, where an earlier run did that; else empty.
        delta: what the selected candidate did, or the best one when none was selected.
        lint: what the repository's checkers say of the selected candidate; None when they were not asked.
        evidence: what the base's own tests say of a candidate that changes tests.
        reserve: a candidate that passes, kept back for its demerits while another may do without.
        doubted: candidates that pass, kept back while another may show that it is not fitted to the test.
        refusal: why the best candidate was not accepted, which passes for what it does to the tests.
        spent, seconds: tokens and time used up to the last checkpoint.
    """

    task: Task
    base: str
    test_command: str | None
    before: TestReport | None
    reproduction: Reproduction
    ranked: tuple[RankedFile, ...]
    follows: Followed | None
    packed: tuple[PackedFile, ...]
    round: int
    drafts: tuple[Draft, ...]
    candidates: tuple[Candidate, ...]
    votes: dict[str, int]
    weights: dict[str, float]
    infilled: int
    disagreement: float | None
    incumbent: Incumbent | None
    argued: Incumbent | None
    follow_ups: tuple[int, ...]
    seen: tuple[str, ...]
    localisation: Localisation
    said: tuple[ChatMessage, ...]
    answer: str
    pace: Pace
    feedback: str
    risk: Risk | None
    fusion: FusionSummary | None
    selected: Candidate | None
    survivors: int
    selection: Selection | None
    after: TestReport | None
    verified: bool
    flaky: tuple[str, ...]
    baseline_from: str
    delta: TestDelta | None
    lint: LintDelta | None
    evidence: str
    reserve: Reserve | None
    doubted: Doubted | None
    refusal: str
    approved: bool
    publication: Publication | None
    spent: Usage
    seconds: float


def is_chat(drafts: Sequence[Draft]) -> bool:
    """Whether a round asked the model in chat: there it reads what was wrong with its last answer."""
    return any(draft.generator == "chat" for draft in drafts)


def start_of(state: RunState) -> str:
    """Return the commit that the run began with: what is published is the difference to it."""
    found = state.get("reproduction")
    return found.start if found is not None else state["base"]


SERIALISED = (
    ("moot.agent.core.behaviour", "Difference"),
    ("moot.agent.core.behaviour", "Output"),
    ("moot.agent.core.behaviour", "Selection"),
    ("moot.agent.core.behaviour", "Survivor"),
    ("moot.agent.core.choices", "ApplyMode"),
    ("moot.agent.core.types", "Candidate"),
    ("moot.agent.core.types", "FileDelta"),
    ("moot.agent.core.types", "Followed"),
    ("moot.agent.core.types", "PackLevel"),
    ("moot.agent.core.types", "PackedFile"),
    ("moot.agent.core.types", "Publication"),
    ("moot.agent.core.types", "RankedFile"),
    ("moot.agent.core.types", "Risk"),
    ("moot.agent.core.types", "Task"),
    ("moot.agent.core.commands", "TestCase"),
    ("moot.agent.core.commands", "TestReport"),
    ("moot.agent.core.messages", "ChatMessage"),
    ("moot.agent.core.messages", "Usage"),
    ("moot.agent.core.outcomes", "Features"),
    ("moot.agent.core.verification", "Finding"),
    ("moot.agent.core.verification", "IntegrityFlag"),
    ("moot.agent.core.verification", "LintDelta"),
    ("moot.agent.core.verification", "NotRun"),
    ("moot.agent.core.verification", "Reproduction"),
    ("moot.agent.core.verification", "TestDelta"),
    ("moot.agent.edits.forms", "ReplaceSpan"),
    ("moot.agent.edits.forms", "SymbolEdit"),
    ("moot.agent.repair.localise", "Localisation"),
    ("moot.agent.repair.localise", "Suspect"),
    ("moot.agent.graph.state", "Doubted"),
    ("moot.agent.graph.state", "Draft"),
    ("moot.agent.graph.state", "FusionSummary"),
    ("moot.agent.graph.state", "Incumbent"),
    ("moot.agent.graph.state", "Pace"),
    ("moot.agent.graph.state", "Reserve"),
)
"""Everything that a checkpoint may hold; reading anything else is refused."""
