"""What an adapter of a test framework does, and what passes in and out of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from moot.agent.core.commands import CommandResult, TestCase
from moot.agent.verify.shell import Call
from moot.agent.verify.tree import Tree

__all__ = ["MESSAGE", "Evidence", "Framework", "Instrumented", "Place", "Reading", "failures", "merge"]

MESSAGE = 4_000
"""Characters kept of a failure."""

_ORDER = ("passed", "skipped", "failed", "error")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call runs.

    Attributes:
        root: top of the workspace, as the tests see it.
        folder: where the call starts, from the top; empty at the top.
        reports: folder for reports, as the tests see it.
        tree: the workspace as it is on disk.
    """

    root: str
    folder: str
    reports: str
    tree: Tree

    def path(self, file: str) -> str:
        """Return a file's path from the top; empty when it lies elsewhere."""
        name = PurePosixPath(file)
        if name.is_absolute():
            return str(name.relative_to(self.root)) if name.is_relative_to(self.root) else ""
        return _normal(PurePosixPath(self.folder) / name)

    def local(self, file: str) -> str:
        """Return a file's path from the folder where the call starts, as its tools name it."""
        path = PurePosixPath(self.path(file) or file)
        below = self.folder and path.is_relative_to(self.folder)
        return str(path.relative_to(self.folder)) if below else str(path)


@dataclass(frozen=True, slots=True)
class Instrumented:
    """A call that also writes a report.

    Attributes:
        words: raw shell words of the whole call, in place of the original's.
        env: variables that it needs.
        stdout: file in the folder for reports that takes its standard output; empty: not redirected.
        files: what must lie in the folder for reports before, by name.
    """

    words: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    stdout: str = ""
    files: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run left behind: files in the folder for reports, its streams, its exit code."""

    place: Place
    reports: Tree
    result: CommandResult


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report says.

    Attributes:
        cases: outcomes by test, each id once.
        complete: the report has its end: the run did not break off. False too when there is no report.
        nothing: the framework says that it found no tests, whatever its exit code.
        output: text that a person would have seen on the redirected standard output.
    """

    cases: tuple[TestCase, ...] = ()
    complete: bool = False
    nothing: bool = False
    output: str = ""


class Framework(Protocol):
    """A test framework."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def claims(self, call: Call) -> bool:
        """Tell whether the call runs this framework's tests."""
        ...

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Return the call with a report, and with `only` (ids of its own, or files) in place of all tests.

        What it cannot narrow it runs whole: more tests than asked for are slower, but never wrong.
        """
        ...

    def read(self, evidence: Evidence) -> Reading:
        """Return what the report says. It was written by code under test: nothing in it is trusted."""
        ...


def merge(cases: Iterable[TestCase]) -> tuple[TestCase, ...]:
    """Return each id once, with its worst outcome, in the order of their first appearance."""
    merged: dict[str, TestCase] = {}
    for case in cases:
        known = merged.get(case.id)
        if known is None or _ORDER.index(case.outcome) > _ORDER.index(known.outcome):
            merged[case.id] = case
    return tuple(merged.values())


def failures(cases: Iterable[TestCase]) -> str:
    """Return what failed, for a runner that was made to print it nowhere."""
    bad = (case for case in cases if case.outcome in ("failed", "error"))
    return "\n".join(f"---- {case.id} ----\n{case.message}" for case in bad)


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part == "..":
            return ""
        else:
            parts.append(part)
    return "/".join(parts)
