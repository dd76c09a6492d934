"""What verification established about an edit, beside the bare outcome of its tests."""

from collections.abc import Sequence
from dataclasses import dataclass

from moot.agent.core.commands import TestReport

__all__ = [
    "Baseline",
    "FileVersions",
    "Finding",
    "IntegrityFlag",
    "LintDelta",
    "NotRun",
    "TestDelta",
    "unasked",
]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the tests say of the files before any edit.

    Attributes:
        taken: when they ran, in ISO 8601 and UTC.
        flaky: ids of those that failed and then passed.
    """

    report: TestReport
    taken: str
    flaky: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Tests that fail as the task's stack trace does.

    Attributes:
        start: the commit that the run began with, without a test that was written.
        tests: their ids.
        path: the file into which the one was written; empty where they were there already.
    """

    start: str
    tests: tuple[str, ...]
    path: str = ""


@dataclass(frozen=True, slots=True)
class FileVersions:
    """A changed file; `old` is None when it is new, `new` when it is deleted."""

    path: str
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True)
class IntegrityFlag:
    """A change that may make tests say less than they did.

    Attributes:
        line: 1-based, in the new file where it still has the place, else in the old one.
        kind: `deleted`, `skipped`, `focused`, `weakened`, `expected`, `mocked`, `snapshot`, `test-data`,
            `runner`, `ci`, `coverage`, `special-case` or `vanished`.
        text: one sentence for a person and for the model.
        test: the test's own name, where one is meant.
        asked: the task asks for it.
    """

    path: str
    line: int
    kind: str
    text: str
    test: str = ""
    asked: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def unasked(flags: Sequence[IntegrityFlag]) -> tuple[IntegrityFlag, ...]:
    """Return the flags that the task does not ask for."""
    return tuple(flag for flag in flags if not flag.asked)


@dataclass(frozen=True, slots=True)
class NotRun:
    """Tests that did not run, for one reason in words."""

    reason: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TestDelta:
    """What an edit did to the tests, as sorted ids.

    Attributes:
        flaky: passed and failed on the same files; counted as neither fixed nor broken.
        complete: everything that ran on the base ran on the edit too, skipped tests aside.
    """

    __test__ = False

    failed_before: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    broke: tuple[str, ...] = ()
    still_failing: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    not_run: tuple[NotRun, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """What a linter or a type checker objects to.

    Attributes:
        checker: its name, such as `ruff`; `suppression` for a comment that silences one.
        path: from the top of the repository.
        line: 1-based.
        rule: the checker's own name for it; empty when there is none.
        text: the line itself, stripped.
    """

    checker: str
    path: str
    line: int
    rule: str
    message: str
    text: str = ""

    def __str__(self) -> str:
        source = f"{self.checker} {self.rule}".rstrip()
        return f"{self.path}:{self.line}: {self.message} ({source})"


@dataclass(frozen=True, slots=True)
class LintDelta:
    """What the checkers that a repository uses say of an edit.

    Attributes:
        checkers: those that read the edit.
        new: findings that the base does not have.
        notes: a sentence for each checker that is used and said nothing, with the reason.
    """

    checkers: tuple[str, ...] = ()
    new: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
