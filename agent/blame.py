"""Explains a failing test: runs it in the sandbox as HEAD has it, and ranks the lines that it points at."""

import difflib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from anyio import to_thread

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.config import Settings
from moot.agent.core.errors import LimitReached, TaskFailed, UsageError
from moot.agent.core.folders import remove
from moot.agent.git.repository import GitRepository
from moot.agent.index.index import CodeIndex
from moot.agent.opening import open_index, open_repository, open_sandbox
from moot.agent.repair.localise import Failure, Localisation, Suspect, localise
from moot.agent.repair.peers import related_tests, request
from moot.agent.verify.coverage.measure import CoverageTracer
from moot.agent.verify.detect import detect
from moot.agent.verify.runner import TestRunner

__all__ = ["Blame", "BlamedLine", "blame"]

_TRIED = 3  # ways to run the tests
_CLOSE = 5  # ids that are offered in place of one that is not known
_FILES = 50  # that are retrieved
_AT_ONCE = 3  # lines of a definition before those of the next one
_BELOW = ("[", "/", "::", " > ", ".")  # what stands between a test and its parts
_REGULAR = ("100644", "100755")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BlamedLine:
    """A suspicious line, its text, and the qualified name of the definition around it."""

    suspect: Suspect
    text: str
    definition: str


@dataclass(frozen=True, slots=True)
class Blame:
    """What a failing test points at.

    Attributes:
        command: what ran the test.
        commit: whose files ran.
        failing: ids of the test, or of its parts, that fail.
        found: all suspicious lines, and how they were found.
        lines: the suspicious lines for a person, a few of each definition at a time.
        edited: files among them that differ in the working tree.
    """

    test: str
    command: str
    commit: str
    failing: tuple[str, ...]
    found: Localisation
    lines: tuple[BlamedLine, ...]
    edited: tuple[str, ...]


async def blame(settings: Settings, repo: Path, test: str, say: Say) -> Blame:
    """Run a test of the commit at HEAD, and rank the lines that may make it fail.

    Args:
        test: an id as in the result of a run; that of a file, a suite or a parametrised test means all of
            its tests that fail.
        say: called with a sentence about each step.

    Raises:
        TaskFailed: the test passes, or nothing points at a line.
        UsageError: there is no such test, or the tests cannot be run.
        LimitReached: they did not end in time.
        SandboxUnavailable: commands cannot be confined here.
    """
    repository = await to_thread.run_sync(open_repository, settings, repo)
    sandbox = await to_thread.run_sync(open_sandbox, settings, say)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as stack:
        folder = Path(mkdtemp(prefix="blame-", dir=settings.data_dir))
        stack.callback(remove, folder)
        workspace = folder / "tree"
        await to_thread.run_sync(repository.checkout, repository.head, workspace)
        tracked = await to_thread.run_sync(repository.tracked)
        runner = TestRunner(sandbox, repository.root, settings.test_timeout, tracked)
        suite = _Suite(runner, settings, workspace, say)
        report, failing = await suite.failing(_commands(settings, repository, test), test)
        say("index: files and history")
        with open_index(settings) as index:
            await to_thread.run_sync(_load, index, repository)
            say(f"measure: which lines {failing[0].id} executes, and other tests")
            found = await _localise(suite, index, repository, report, failing)
            lines = tuple(_grouped(_lines(found, index, repository)))
    if not lines:
        raise TaskFailed(f"nothing points at a line: {found.note}")
    paths = sorted({line.suspect.path for line in lines} | {case.file for case in failing if case.file})
    edited = tuple(await to_thread.run_sync(repository.dirty, paths))
    ids = tuple(case.id for case in failing)
    return Blame(test, report.command, repository.head, ids, found, lines, edited)


@dataclass(frozen=True, slots=True)
class _Suite:
    """Runs the repository's tests."""

    runner: TestRunner
    settings: Settings
    workspace: Path
    say: Say

    async def failing(self, commands: Sequence[str], test: str) -> tuple[TestReport, list[TestCase]]:
        """Return the run in which a test fails, and its failing parts."""
        report = await self._find(commands[0], test)
        for command in commands[1:]:
            if report.status in ("not-found", "no-tests"):
                report = await self._find(command, test)
        _check(report, self.settings.test_timeout)
        return report, _failing(report, test)

    async def _find(self, command: str, test: str) -> TestReport:
        """Run one test; where it is not found, those of its file, or else all."""
        file, inside, _ = test.partition("::")
        there = os.path.isfile(self.workspace / file)  # noqa: PTH113 - a name may be too long for a file
        if inside and file.endswith(".py") and not there:
            raise UsageError(f"there is no test {test}: HEAD has no file {file}")
        report = await self._run(command, [test])
        found = _parts(report, test) or report.status in ("not-found", "timeout")
        return report if found else await self._run(command, [file] if inside and there else [])

    async def _run(self, command: str, only: Sequence[str]) -> TestReport:
        self.say(f"tests: {command}" + (f" ({only[0]})" if only else " (all)"))
        return await self.runner.run(command, self.workspace, only)


def _commands(settings: Settings, repository: GitRepository, test: str) -> list[str]:
    """Return the command that is given, else how the repository says that it is tested."""
    if settings.test:
        return [settings.test]
    entries = {each.path: each for each in repository.files(repository.head) if each.mode in _REGULAR}
    found = detect(entries, lambda path: repository.read(entries[path].blob), settings.test_suggestion, test)
    if not found:
        raise UsageError("no tests were found: name them with --test COMMAND")
    return [each.command for each in found[:_TRIED]]


def _check(report: TestReport, timeout: float) -> None:
    match report.status:
        case "not-found":
            raise UsageError(
                f"the test command `{report.command}` could not be started: "
                "install what it needs, or pass another with --test"
            )
        case "timeout":
            raise LimitReached(f"`{report.command}` did not end within {timeout:g} s")
        case "no-tests" if not report.cases:
            raise UsageError(f"`{report.command}` found no tests: name others with --test COMMAND")
        case "passed" | "failed" | "no-tests":
            pass
    if not report.cases:
        said = report.output.strip().rpartition("\n")[2] or "it printed nothing"
        raise UsageError(f"`{report.command}` names no single tests in a report that can be read: {said}")


def _parts(report: TestReport, test: str) -> list[TestCase]:
    """Return the test, or where there is none of this id those below it: of a file, a suite, a parameter."""
    exact = [case for case in report.cases if case.id == test]
    below = [case for case in report.cases if case.id.startswith(tuple(test + each for each in _BELOW))]
    return exact if exact and not below else [*exact, *below]


def _failing(report: TestReport, test: str) -> list[TestCase]:
    parts = _parts(report, test)
    failing = [case for case in parts if case.outcome in ("failed", "error")]
    if not parts:
        close = difflib.get_close_matches(test, [case.id for case in report.cases], _CLOSE, 0.4)
        near = f"did you mean {', '.join(close)}?" if close else f"there are {len(report.cases)} others"
        raise UsageError(f"there is no test {test}: {near}")
    if not failing:
        skipped = all(case.outcome == "skipped" for case in parts)
        raise TaskFailed(f"{test} {'is skipped' if skipped else 'passes'}: there is nothing to explain")
    return failing


def _load(index: CodeIndex, repository: GitRepository) -> None:
    index.remember(repository.head, partial(repository.log, repository.head))
    index.update(repository.files(repository.head), repository.read_many)


async def _localise(
    suite: _Suite,
    index: CodeIndex,
    repository: GitRepository,
    report: TestReport,
    failing: Sequence[TestCase],
) -> Localisation:
    query = "\n".join(f"{case.id}\n{case.message}" for case in failing)
    ranked = await to_thread.run_sync(index.search, query, _FILES)
    retrieved = {file.path: file.score for file in ranked}
    related = await to_thread.run_sync(related_tests, retrieved, index.dependents)
    asked = request(report.command, suite.workspace, failing, report.cases, related)
    paths = [entry.path for entry in repository.files(repository.head)]
    ages = partial(repository.ages, repository.head)
    return await localise(CoverageTracer(suite.runner), Failure(asked, paths, retrieved=retrieved, ages=ages))


def _lines(found: Localisation, index: CodeIndex, repository: GitRepository) -> Iterator[BlamedLine]:
    blobs = {entry.path: entry.blob for entry in repository.files(repository.head)}
    paths = dict.fromkeys(suspect.path for suspect in found.suspects)
    texts = {path: repository.read(blobs[path]).decode(errors="replace").split("\n") for path in paths}
    symbols = {path: index.symbols(path) for path in paths}
    for suspect in found.suspects:
        around = [each for each in symbols[suspect.path] if each.start_line <= suspect.line <= each.end_line]
        inner = min(around, key=lambda each: each.end_line - each.start_line, default=None)
        text = texts[suspect.path][suspect.line - 1 : suspect.line]
        yield BlamedLine(suspect, "".join(text).strip(), inner.qualified_name if inner else "")


def _grouped(lines: Iterator[BlamedLine]) -> Iterator[BlamedLine]:
    """Put the definitions in the order of their best lines: a few lines of each, then the others of each."""
    groups: dict[tuple[str, str], list[BlamedLine]] = {}
    for line in lines:
        groups.setdefault((line.suspect.path, line.definition), []).append(line)
    while groups:
        for group in groups.values():
            yield from group[:_AT_ONCE]
        groups = {name: group[_AT_ONCE:] for name, group in groups.items() if group[_AT_ONCE:]}
