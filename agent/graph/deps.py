"""What the steps need, handed to them through LangGraph's runtime context, never through state."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from moot.agent.core.commands import TestReport
from moot.agent.core.config import Settings
from moot.agent.core.events import Emit, Notice
from moot.agent.core.ports import Index, ModelClient, Packer, Repository
from moot.agent.core.types import Candidate, EditFormat
from moot.agent.fusion.best_of import Contestant
from moot.agent.fusion.council import Council
from moot.agent.graph.limits import Limits
from moot.agent.models.fim import FimFormat
from moot.agent.outcomes.store import OutcomeStore
from moot.agent.risk.learned import DEFAULTS, Learned
from moot.agent.risk.past import FileHistory
from moot.agent.verify.baselines import Baselines
from moot.agent.verify.lint.linter import Linter, Report
from moot.agent.verify.lint.plan import Job
from moot.agent.verify.runner import TestRunner

if TYPE_CHECKING:
    from moot.agent.graph.entrants import Entrants

__all__ = ["STILL_FAILING", "Deps", "Filtered", "Generation"]


STILL_FAILING = "the failing tests still fail"


@dataclass(frozen=True, slots=True)
class Filtered:
    """The failing tests that pass with a candidate, as a warm pytest says; the reason is for where none does.

    Attributes:
        tests: None where it did not end in a time that may be too short for any: a cold run has to tell.
        report: what it said, for the model to read.
    """

    tests: frozenset[str] | None
    report: TestReport
    reason: str = STILL_FAILING


@dataclass(frozen=True, slots=True)
class Generation:
    """How the served model is best asked, from its profile.

    Attributes:
        first: which generator goes first when a test fails.
        edit_format: the form in which edits are asked for; JSON is held to its schema.
        fim: the model's fill-in-the-middle form; None when it has none.
        temperature: of the samples beside the first, which is greedy.
        context_tokens: budget of the context.
        prompt_tokens: room for a prompt in the model's window, beside its answer and a round of repair.
        session_tokens: bound of a conversation that goes on from an earlier run's.
        answer_tokens: bound of one chat answer.
    """

    first: Literal["chat", "fim"]
    edit_format: EditFormat
    fim: FimFormat | None
    temperature: float
    top_p: float
    context_tokens: int
    prompt_tokens: int
    session_tokens: int
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything behind the steps of one run.

    Attributes:
        runner: runs the tests; None when nothing is to be verified.
        linter: runs the repository's linters and type checkers; None when they are not wanted.
        baselines: outcomes of earlier runs; None when they do not count here.
        learned: what earlier outcomes taught of when an argument pays.
        outcomes: where what becomes of published edits is logged; None when it is not.
        past: what the history says of files, by the commit that it ends with.
        council: who takes part in an argument.
        folder: the run's own folder: its context, its evidence, the files under test.
        reports: test reports so far, by commit and by the tests that were asked for.
        filtered: what a warm pytest said of candidates, by commit: never a verdict.
        partial: the first candidate that fixes these of the failing tests, and not all.
        linted: what checkers said so far, by commit.
        judged: candidates that went through the gate, by commit.
        ahead: who began to write beside the incumbent, until its argument takes them over.
        warned: warnings that were shown.
    """

    settings: Settings
    repository: Repository
    index: Index
    packer: Packer
    client: ModelClient
    runner: TestRunner | None
    generation: Generation
    limits: Limits
    emit: Emit
    folder: Path
    council: Council = field(kw_only=True)
    baselines: Baselines | None = None
    linter: Linter | None = None
    learned: Learned = DEFAULTS
    outcomes: OutcomeStore | None = None
    past: dict[str, FileHistory] = field(default_factory=dict[str, FileHistory])
    reports: dict[tuple[str, frozenset[str]], TestReport] = field(
        default_factory=dict[tuple[str, frozenset[str]], TestReport]
    )
    filtered: dict[str, Filtered] = field(default_factory=dict[str, Filtered])
    partial: dict[frozenset[str], Candidate] = field(default_factory=dict[frozenset[str], Candidate])
    linted: dict[tuple[str, Job], Report] = field(default_factory=dict[tuple[str, Job], Report])
    judged: dict[str, Contestant] = field(default_factory=dict[str, Contestant])
    ahead: "list[Entrants]" = field(default_factory=list["Entrants"])
    warned: set[str] = field(default_factory=set[str])

    def warn_once(self, text: str) -> None:
        """Show a warning, unless it was shown or says nothing."""
        if text and text not in self.warned:
            self.warned.add(text)
            self.emit(Notice("warning", text))

    @property
    def workspace(self) -> Path:
        """Folder with the files of the candidate under test."""
        return self.folder / "tree"
