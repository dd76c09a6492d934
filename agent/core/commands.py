"""Commands for the sandbox, what they did, and what a test command found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = [
    "Command",
    "CommandResult",
    "Killed",
    "TestCase",
    "TestReport",
]


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
        read_only: host paths visible inside at the same place, read-only (toolchains, caches); those that
            hold credentials or sockets are left out, as `core/private.py` says.
        output_limit: bytes kept of each stream; the middle is cut out.
        allow_net: hosts that may be reached (`pypi.org`, `*.npmjs.org`, each with `:PORT`); none by default.
    """

    argv: tuple[str, ...]
    workspace: Path
    timeout: float = 600.0
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    read_only: tuple[Path, ...] = ()
    output_limit: int = 1_000_000
    mount: Path | None = None
    allow_net: tuple[str, ...] = ()


Killed = Literal["timeout", "memory", "processes", "disk"]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command did. A failed command is a value, not an exception.

    Attributes:
        killed: the limit for which the sandbox ended the command; None when it ended by itself. Standard
            error ends with a line that says so, but for the timeout, which its caller set.
        refused: a sentence for each host that the command asked for and may not reach.
    """

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    killed: Killed | None = None
    refused: tuple[str, ...] = ()

    @property
    def timed_out(self) -> bool:
        """Whether it was killed at the timeout."""
        return self.killed == "timeout"


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test's outcome.

    Attributes:
        id: stable from run to run, in the framework's own form: `tests/test_a.py::test_b` (pytest),
            `tests.test_a.Case.test_b` (unittest), `example.org/mod/pkg.TestA/sub` (go),
            `crate::module::test` (cargo), `src/a.test.ts > suite > test` (JavaScript).
        outcome: `passed`, `failed`, `error` or `skipped`.
        message: the failure's text.
        path: the file that holds the test, from the top of the repository; empty when not known.
        seconds: how long it took; 0 when not known.
    """

    __test__ = False

    id: str
    outcome: str
    message: str = ""
    path: str = ""
    seconds: float = 0.0

    @property
    def file(self) -> str:
        """The file that holds the test; pytest's ids begin with it where the report leaves it out."""
        head, found, _ = self.id.partition("::")
        return self.path or (head if found and head.endswith(".py") else "")


@dataclass(frozen=True, slots=True)
class TestReport:
    """A test command's outcome.

    Attributes:
        status: `passed`, `failed`, `no-tests`, `not-found` (the program is missing) or `timeout`.
        cases: single outcomes where the runner's report could be read, else empty.
        output: the end of what it printed, for the model and for a person.
        framework: what wrote the report, such as `pytest` or `go`; empty when there was none to read.
        note: in one sentence, why the report says less than it might, or why the status is not what the
            exit code alone would say; empty when there is nothing to add.
        caution: in one sentence, why something else than the workspace's files may have been tested, and
            what to do; empty where that cannot be.
    """

    __test__ = False

    command: str
    status: Literal["passed", "failed", "no-tests", "not-found", "timeout"]
    exit_code: int
    seconds: float
    cases: tuple[TestCase, ...] = ()
    output: str = ""
    framework: str = ""
    note: str = ""
    caution: str = ""

    @property
    def structured(self) -> bool:
        """Whether single outcomes are known; if not, the status rests on the exit code."""
        return bool(self.cases)

    @property
    def passed(self) -> frozenset[str]:
        """Ids of the tests that passed."""
        return frozenset(case.id for case in self.cases if case.outcome == "passed")

    @property
    def failed(self) -> frozenset[str]:
        """Ids of the tests that failed or broke."""
        return frozenset(case.id for case in self.cases if case.outcome in ("failed", "error"))
