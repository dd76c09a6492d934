"""The values that cross module boundaries: frozen, small, serialisable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from moot.agent.core.behaviour import Selection
from moot.agent.core.choices import ApplyMode
from moot.agent.core.commands import TestReport
from moot.agent.core.messages import Usage
from moot.agent.core.outcomes import Features
from moot.agent.core.verification import IntegrityFlag, LintDelta, Reproduction, TestDelta

__all__ = [
    "Candidate",
    "ContextPack",
    "EditFormat",
    "FileChange",
    "FileDelta",
    "Followed",
    "IndexStats",
    "PackLevel",
    "PackedFile",
    "PastCommit",
    "Patch",
    "Publication",
    "RankedFile",
    "Risk",
    "RunResult",
    "RunStatus",
    "Shown",
    "Symbol",
    "Task",
    "TreeEntry",
]


class EditFormat(StrEnum):
    """The form in which a model is asked for edits; every form is read whatever was asked for."""

    SEARCH_REPLACE = "search_replace"
    SYMBOL = "symbol"
    WHOLE_FILE = "whole_file"
    DIFF = "diff"
    JSON = "json"


class RunStatus(StrEnum):
    """What became of a run; one value for each row of the outcome table."""

    DONE = "done"
    FAILED = "failed"
    USAGE = "usage"
    MODEL = "model"
    LIMIT = "limit"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Task:
    """What the user asked for.

    Attributes:
        text: the request, in the user's words.
        follows: id of the finished run whose conversation the task goes on; `last` for the newest one.
    """

    text: str
    follows: str | None = None


# --- the repository -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file of a git tree. `mode` is git's (`100644`, `100755`, `120000`, `160000`); size in bytes."""

    path: str
    mode: str
    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition. Lines are 1-based and inclusive; bytes are a half-open span of the file."""

    name: str
    qualified_name: str
    kind: str
    path: str
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    signature: str
    doc: str = ""


@dataclass(frozen=True, slots=True)
class PastCommit:
    """A commit of the past: its time in seconds since 1970, its message, the paths that it changed."""

    seconds: int
    message: str
    paths: tuple[str, ...]


class PartialLog(list[PastCommit]):
    """Commits of a shallow clone: another clone may know more of them."""


@dataclass(frozen=True, slots=True)
class IndexStats:
    """What an index update did. `parsed` files were new; `reused` came from the store."""

    files: int
    parsed: int
    reused: int
    symbols: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RankedFile:
    """A file with its relevance to a query, the reasons in words, and its best symbols, best first.

    Scores are log-likelihoods but for a constant: by how much one is above another says how many times
    likelier its file is to be needed. `unreadable` says why its text is never read; empty where it is.
    """

    path: str
    blob: str
    score: float
    reasons: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    unreadable: str = ""


# --- the context ----------------------------------------------------------------------------


class PackLevel(StrEnum):
    """How much of a file is in the context."""

    WHOLE = "whole"
    FOCUS = "focus"
    SKELETON = "skeleton"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file of a context and what it cost, in tokens; at FOCUS, with the symbols that are shown."""

    path: str
    level: PackLevel
    tokens: int
    reasons: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextPack:
    """What the model reads of the repository: text, its account, and what was left out and why."""

    text: str
    tokens: int
    budget: int
    files: tuple[PackedFile, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """What a conversation shows of a file: a version of it, how much of that, and which symbols in full."""

    blob: str
    level: PackLevel
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """The run whose conversation this one goes on; `restarted` says why it had to start afresh, if it did."""

    run_id: str
    restarted: str = ""


# --- edits ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file's new content against a base blob.

    Attributes:
        path: relative to the repository's root, with forward slashes.
        base_blob: blob id that the change was made against; None when the file is new.
        content: the file's new bytes; None when it is deleted.
        mode: git mode of the result.
    """

    path: str
    base_blob: str | None
    content: bytes | None
    mode: str = "100644"


@dataclass(frozen=True, slots=True)
class Patch:
    """A set of file changes that applies entirely or not at all."""

    changes: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class FileDelta:
    """Lines added to and removed from one file; `existed` and `exists` tell creation and deletion."""

    path: str
    added: int
    removed: int
    existed: bool
    exists: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposed edit, as a commit in the private workspace.

    Attributes:
        id: short and unique in the run (`chat-1`, `fim-12`).
        commit: commit id whose parent is the run's base; empty until it is committed.
        generator: `chat`, `fim` or `rewrite`.
        summary: one line for a person.
        logprob: mean log-probability of its tokens under the model; 0.0 when unknown.
        flags: changes in it that may make the tests say less.
    """

    id: str
    commit: str
    generator: str
    summary: str
    logprob: float = 0.0
    deltas: tuple[FileDelta, ...] = ()
    flags: tuple[IntegrityFlag, ...] = ()

    @property
    def changed(self) -> int:
        """Lines added and removed."""
        return sum(delta.added + delta.removed for delta in self.deltas)


@dataclass(frozen=True, slots=True)
class Risk:
    """Whether an edit is worth arguing, with each reason in words.

    Attributes:
        probability: that it is wrong, strictly between 0 and 1.
        impact: of a mistake in it, from 0 to 1.
        high: whether it is argued.
        gain: what an argument is expected to be worth, as a share of the worst mistake's price.
        rules: names of the hard rules that it falls under.
        ask: whether a person is asked, where the policy is `auto`.
        features: what the probability follows from.
    """

    probability: float
    impact: float
    high: bool
    reasons: tuple[str, ...] = ()
    gain: float = 0.0
    rules: tuple[str, ...] = ()
    ask: bool = False
    features: Features | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a patch went: a commit, a branch, a patch file, or the working tree.

    Attributes:
        onto: commit that it was put on where the branch had moved on from the run's base, on which the
            edit was verified; None where it had not.
        left: files that were left alone, because their user edited them at that very moment.
    """

    mode: ApplyMode
    commit: str | None = None
    branch: str | None = None
    patch_file: str | None = None
    onto: str | None = None
    left: tuple[str, ...] = ()


# --- the result -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result object of `agent run`; docs/result.schema.json describes its JSON form.

    Attributes:
        delta, flags: of the published candidate, or of the best one when none was published.
        evidence: what the base's own tests say of an edit that changes tests.
        lint: what the repository's checkers say of the published edit; None when they were not asked.
        selection: the candidates that passed, and how they differ; None when none did.
        baseline_from: when the base's tests ran, where an earlier run did that; else empty.
        reproduction: the tests that fail as the task's stack trace does; None without one.
        follows: the run whose conversation this one goes on; None when it began one.
    """

    status: RunStatus
    exit_code: int
    run_id: str
    base: str | None = None
    commit: str | None = None
    branch: str | None = None
    patch_file: str | None = None
    files: tuple[str, ...] = ()
    diffstat: str = ""
    diff: str = ""
    test_command: str | None = None
    before: TestReport | None = None
    after: TestReport | None = None
    baseline_from: str = ""
    reproduction: Reproduction | None = None
    verified: bool = False
    delta: TestDelta | None = None
    flags: tuple[IntegrityFlag, ...] = ()
    evidence: str = ""
    lint: LintDelta | None = None
    selection: Selection | None = None
    risk: Risk | None = None
    fusion: Mapping[str, object] | None = None
    follows: Followed | None = None
    usage: Usage = field(default_factory=Usage)
    cost: float | None = None
    seconds: float = 0.0
    reason: str = ""
