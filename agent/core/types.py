"""The values that cross module boundaries: frozen, small, serialisable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

__all__ = [
    "ApplyMode",
    "Candidate",
    "ChatMessage",
    "ChatRequest",
    "Command",
    "CommandResult",
    "Completion",
    "CompletionRequest",
    "ContextPack",
    "FileChange",
    "FileDelta",
    "FusionPolicy",
    "IndexStats",
    "ModelInfo",
    "PackLevel",
    "PackedFile",
    "Patch",
    "Publication",
    "RankedFile",
    "Risk",
    "RunResult",
    "RunStatus",
    "Symbol",
    "Task",
    "TestCase",
    "TestReport",
    "ToolCall",
    "TreeEntry",
    "Usage",
]


class ApplyMode(StrEnum):
    """How a verified patch reaches the user's repository."""

    COMMIT = "commit"
    BRANCH = "branch"
    WORKTREE = "worktree"
    PATCH = "patch"
    NONE = "none"


class FusionPolicy(StrEnum):
    """When candidates are argued: by risk, always or never."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


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
        test_command: shell command that verifies the repository; None means detect one.
    """

    text: str
    test_command: str | None = None


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
class IndexStats:
    """What an index update did. `parsed` files were new; `reused` came from the store."""

    files: int
    parsed: int
    reused: int
    symbols: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RankedFile:
    """A file with its relevance to a query, the reasons in words, and its best symbols."""

    path: str
    blob: str
    score: float
    reasons: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


# --- the context ----------------------------------------------------------------------------


class PackLevel(StrEnum):
    """How much of a file is in the context."""

    WHOLE = "whole"
    SKELETON = "skeleton"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file of a context and what it cost, in tokens."""

    path: str
    level: PackLevel
    tokens: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextPack:
    """What the model reads of the repository: text, its account, and what was left out and why."""

    text: str
    tokens: int
    budget: int
    files: tuple[PackedFile, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


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
        generator: `chat` or `fim`.
        summary: one line for a person.
        logprob: mean log-probability of its tokens under the model; 0.0 when unknown.
    """

    id: str
    commit: str
    generator: str
    summary: str
    logprob: float = 0.0
    deltas: tuple[FileDelta, ...] = ()

    @property
    def changed(self) -> int:
        """Lines added and removed."""
        return sum(delta.added + delta.removed for delta in self.deltas)


@dataclass(frozen=True, slots=True)
class Risk:
    """Whether an edit is worth arguing, with each reason in words. Both figures are in [0, 1]."""

    probability: float
    impact: float
    high: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a patch went: a commit, a branch, a patch file, or the working tree."""

    mode: ApplyMode
    commit: str | None = None
    branch: str | None = None
    patch_file: str | None = None


# --- commands and tests ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """A command for the sandbox.

    Attributes:
        argv: the program and its arguments; no shell is added.
        workspace: host folder that is writable inside, and where the command starts.
        mount: where the workspace appears inside (the user's own tree, so that absolute paths in
            installed packages lead to the workspace); None means at its own path.
        timeout: seconds of wall time, after which the whole process group is killed.
        env: the complete environment, beside the sandbox's own PATH, HOME and TMPDIR.
        read_only: host paths visible inside at the same place, read-only (toolchains, caches).
        output_limit: bytes kept of each stream; the middle is cut out.
    """

    argv: tuple[str, ...]
    workspace: Path
    timeout: float = 600.0
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    read_only: tuple[Path, ...] = ()
    output_limit: int = 1_000_000
    mount: Path | None = None


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command did. A failed command is a value, not an exception."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test's outcome: `passed`, `failed`, `error` or `skipped`. `message` holds the failure's text."""

    __test__ = False

    id: str
    outcome: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class TestReport:
    """A test command's outcome.

    Attributes:
        status: `passed`, `failed`, `no-tests`, `not-found` (the program is missing) or `timeout`.
        cases: single outcomes where the runner's report could be read, else empty.
        output: the end of what it printed, for the model and for a person.
    """

    __test__ = False

    command: str
    status: Literal["passed", "failed", "no-tests", "not-found", "timeout"]
    exit_code: int
    seconds: float
    cases: tuple[TestCase, ...] = ()
    output: str = ""

    @property
    def passed(self) -> frozenset[str]:
        """Ids of the tests that passed."""
        return frozenset(case.id for case in self.cases if case.outcome == "passed")

    @property
    def failed(self) -> frozenset[str]:
        """Ids of the tests that failed or broke."""
        return frozenset(case.id for case in self.cases if case.outcome in ("failed", "error"))


# --- the model ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of the model; `arguments` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat call. `max_tokens` bounds each of the `n` answers; `schema` is a JSON schema to obey."""

    messages: tuple[ChatMessage, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    stop: tuple[str, ...] = ()
    schema: Mapping[str, object] | None = None
    tools: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A raw completion call: several prompts, `n` samples of each."""

    prompts: tuple[str, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer. `finish` is the server's reason (`stop`, `length`, `tool_calls`, `repetition`)."""

    text: str
    finish: str
    tokens: int
    logprob: float = 0.0
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and requests, summed. `cached` is the part of `prompt` that the server had kept."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    requests: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.completion + other.completion,
            self.requests + other.requests,
        )

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt - other.prompt,
            self.cached - other.cached,
            self.completion - other.completion,
            self.requests - other.requests,
        )

    @property
    def total(self) -> int:
        """Tokens read and written."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a served model is and can do, as probed. `context` is in tokens."""

    id: str
    context: int
    structured_output: bool = False
    tools: bool = False
    fim: bool = False
    tokenize: bool = False


# --- the result -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result object of `agent run`; docs/result.schema.json describes its JSON form."""

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
    verified: bool = False
    risk: Risk | None = None
    fusion: Mapping[str, object] | None = None
    usage: Usage = field(default_factory=Usage)
    cost: float | None = None
    seconds: float = 0.0
    reason: str = ""
