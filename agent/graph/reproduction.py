"""A stack trace in the task becomes a failing test, so that repair can localise by it and select by it."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from anyio import to_thread

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.events import ModelCalled, Notice
from moot.agent.core.messages import CompletionRequest, Usage
from moot.agent.core.ports import FimPrompt
from moot.agent.core.types import FileChange, Patch, TreeEntry
from moot.agent.core.verification import Reproduction
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.repair.frames import own_name, places
from moot.agent.repair.peers import related_tests
from moot.agent.repair.reproduction import Frame, Sketch, frame_of, least, prompt, sketches, with_tests
from moot.agent.repair.source import Source
from moot.agent.repair.trace import Trace, read_trace, shows
from moot.agent.screen import why_not_file
from moot.agent.syntax import language_of

__all__ = ["reproduce_trace"]

_ANSWERS = 15
"""Tests beside the greedy one."""
_ANSWER = 96
"""Tokens of a test's body."""
_TEMPERATURE = 0.8
_TOKENS = 4_000
"""About what asking takes, read and written: with less left, nothing is asked."""
_SHARE = 4
"""Of the run's time the part in which a test has to be found."""
_TESTS = 30
"""Files of tests that are looked at, the nearest first."""
_LONGEST = 60.0
"""Seconds of one run of such tests."""
_CONFIRMED = 3
"""Tests that are cut down to the call that fails and run once more, until one fails as reported."""


@dataclass(frozen=True, slots=True)
class _Report:
    """What was reported, with the files of the base."""

    trace: Trace
    entries: Mapping[str, TreeEntry]
    sources: Mapping[str, Source]

    def shown_by(self, case: TestCase) -> bool:
        """Tell whether a test fails as reported."""
        failed = case.outcome in ("failed", "error")
        return failed and shows(case.message, self.trace, list(self.entries), self.sources.get)


async def reproduce_trace(state: RunState, deps: Deps) -> RunState:
    """Return the base with a test that fails as the task's stack trace does, or the tests that do already.

    The model writes tests at the end of a file of tests; the one that counts raises the same error in the
    same function, twice, and holds nothing but what leads there. Nothing changes where there is no trace,
    the model cannot fill in the middle, or no test shows the error.
    """
    before, fim = state["before"], deps.generation.fim
    if before is None or deps.runner is None or fim is None:
        return {}
    report = await to_thread.run_sync(_report, state, deps)
    if report is None:
        return {}
    known = tuple(case.id for case in before.cases if report.shown_by(case))
    if known:
        return {"reproduction": Reproduction(state["base"], known)}
    tests = await to_thread.run_sync(_tests, report, before, deps)
    frame = frame_of(report.trace, tests, report.sources) if tests is not None else None
    if tests is None or frame is None:
        return _not_shown("there is no file of tests in which one could stand", deps)
    try:
        async with asyncio.timeout(deps.limits.seconds_left / _SHARE):
            return await _Attempt(report, tests, frame, state, deps).reproduce(fim)
    except TimeoutError:
        return _not_shown("the time for it is over", deps)


def _report(state: RunState, deps: Deps) -> _Report | None:
    """Read the task's stack trace, and the files that it leads to."""
    entries = {entry.path: entry for entry in deps.repository.files(state["base"])}
    sources: dict[str, Source] = {}

    def read(path: str) -> Source | None:
        if path not in sources:
            sources[path] = Source.parse(path, deps.repository.read(entries[path].blob))
        return sources[path]

    trace = read_trace(state["task"].text, list(entries), read)
    if trace is None:
        return None
    for path, _ in trace.frames:
        read(path)
    return _Report(trace, entries, sources)


def _tests(report: _Report, before: TestReport, deps: Deps) -> Source | None:
    """Return the file of tests nearest to the code that failed: one that the command runs, before others.

    Of these the one named after a file of the trace, or else that names most what the trace leads through.
    """
    run, entries = {case.file for case in before.cases}, report.entries
    paths = list(dict.fromkeys(path for path, _ in report.trace.frames))
    near = [path for each in paths for path in related_tests({each: 1.0}, deps.index.dependents)]
    alike = [path for path in dict.fromkeys(near) if path in entries and _alike(path, paths[0])]
    stems = {PurePosixPath(path).stem for path in paths}
    names = {report.sources[path].definition_at_line(line) for path, line in report.trace.frames} - {""}

    def rank(tests: Source) -> tuple[bool, bool, int]:
        text, stem = tests.data.decode("utf-8", "replace"), PurePosixPath(tests.path).stem
        told = sum(len(re.findall(rf"\b{re.escape(name)}\b", text)) for name in names)
        return tests.path not in run, not any(each in stem for each in stems), -told

    known = [Source.parse(path, deps.repository.read(entries[path].blob)) for path in alike[:_TESTS]]
    return min(filter(_may_be_shown, known), key=rank, default=None)


def _may_be_shown(source: Source) -> bool:
    return why_not_file(source.path, source.data) is None


def _alike(path: str, other: str) -> bool:
    scripts = ("javascript", "typescript", "tsx")
    one, two = language_of(path), language_of(other)
    return one == two or (one in scripts and two in scripts)


def _not_shown(why: str, deps: Deps) -> RunState:
    deps.emit(Notice("info", f"no test shows the error of the stack trace: {why}"))
    return {}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The search for a test that shows what was reported; `frame` is how one looks in the file `tests`."""

    report: _Report
    tests: Source
    frame: Frame
    state: RunState
    deps: Deps

    async def reproduce(self, fim: FimPrompt) -> RunState:
        """Ask for tests, run them, and keep the first that fails as reported when it is cut down, too."""
        found = await self._ask(fim)
        batches = [[each] for each in found] if language_of(self.tests.path) == "go" else [found]
        tried = 0  # a panic ends all tests of a Go package, and so does what does not compile
        for some in filter(None, batches):
            for sketch in (await self._failing(some))[: _CONFIRMED - tried]:
                tried += 1
                if update := await self._keep(sketch):
                    return update
            if tried == _CONFIRMED:
                break
        return _not_shown(f"{len(found)} that the model wrote do not fail like it", self.deps)

    async def _ask(self, fim: FimPrompt) -> list[Sketch]:
        """Return the distinct tests that the model writes."""
        left = self.deps.limits.tokens_left
        if left is not None and left < _TOKENS:
            return []
        self.deps.limits.check()
        task, report = self.state["task"].text, self.report
        shown = {path: source for path, source in report.sources.items() if _may_be_shown(source)}
        text = prompt(fim, task, report.trace, shown, self.frame, self.tests)
        greedy = CompletionRequest((text,), _ANSWER, stop=fim.stop)
        sampled = replace(greedy, temperature=_TEMPERATURE, top_p=0.95, n=_ANSWERS)
        used, started = list[Usage](), time.monotonic()
        [first] = await self.deps.client.complete(greedy, used=used.append)
        [rest] = await self.deps.client.complete(sampled, used=used.append)
        self.deps.emit(ModelCalled("reproduce", sum(used, Usage()), time.monotonic() - started))
        return sketches([(each.text, each.finish) for each in (*first, *rest)], self.frame, self.tests)

    async def _failing(self, some: Sequence[Sketch]) -> list[Sketch]:
        """Run tests; return those that fail as reported, the best first, cut down to what leads there."""
        data, placed = with_tests(self.tests, some)
        _, report = await self._run(data)
        cases = {own_name(case.id): case for case in report.cases}
        source, found = Source.parse(self.tests.path, data), list[tuple[bool, int, Sketch]]()
        for sketch, written in zip(some, placed, strict=True):
            case = cases.get(written.frame.name)
            if case is None or not self.report.shown_by(case):
                continue
            lines = (line for _, line in places(case.message, [self.tests.path]))
            body = next(filter(None, (least(source, written, line) for line in lines)), None)
            if body is not None:
                found.append(
                    (self.report.trace.text not in case.message, len(body), replace(sketch, body=body))
                )
        return [sketch for *_, sketch in sorted(found, key=lambda each: each[:2])]

    async def _keep(self, sketch: Sketch) -> RunState | None:
        """Return the base with this test alone; None where it does not fail as reported."""
        data, [written] = with_tests(self.tests, [sketch])
        commit, report = await self._run(data)
        case = next((case for case in report.cases if own_name(case.id) == written.frame.name), None)
        if case is None or not self.report.shown_by(case):
            return None
        before, path, trace = self.state["before"], self.tests.path, self.report.trace
        assert before is not None
        where = f"{trace.function} ({trace.path})" if trace.function else trace.path
        self.deps.emit(
            Notice("info", f"{case.id} was written to show {trace.error} in {where}: {sketch.body!r}")
        )
        return {
            "base": commit,
            "before": replace(
                before, status="failed", exit_code=report.exit_code, cases=(*before.cases, case)
            ),
            "reproduction": Reproduction(self.state["base"], (case.id,), path),
        }

    async def _run(self, data: bytes) -> tuple[str, TestReport]:
        """Run the file of tests with other content on the base; return the commit that has it, too."""
        deps, command, path = self.deps, self.state["test_command"], self.tests.path
        assert deps.runner is not None
        assert command is not None
        deps.limits.check()
        entry = self.report.entries[path]
        patch = Patch((FileChange(path, entry.blob, data, entry.mode),))
        title = f"Show what is reported: {self.report.trace.error}"
        commit = await to_thread.run_sync(deps.repository.commit, self.state["base"], patch, title)
        await to_thread.run_sync(deps.repository.checkout, commit, deps.workspace)
        return commit, await deps.runner.run(command, deps.workspace, [path], _LONGEST)
