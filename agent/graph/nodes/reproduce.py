"""Run the tests on the base: what fails now is what has to be fixed, and nothing else may break."""

from collections.abc import Sequence

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.commands import TestReport
from moot.agent.core.errors import LimitReached, UsageError
from moot.agent.core.events import Notice
from moot.agent.graph.baseline import Taken, take_baseline
from moot.agent.graph.deps import Deps
from moot.agent.graph.reproduction import reproduce_trace
from moot.agent.graph.state import RunState
from moot.agent.verify.detect import Found, detect

__all__ = ["reproduce"]

_FILES = ("100644", "100755")
_SHOWN = 5
_TRIED = 3
"""Ways that are tried until one runs tests: a framework that is named need not be installed."""


async def reproduce(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Find the test command and its outcome before any edit, and a test for what the task reports."""
    deps = runtime.context
    if deps.runner is None:
        deps.emit(Notice("warning", "nothing is verified: --no-verify was given"))
        return {"test_command": None, "before": None}
    given = deps.settings.test
    commands = [given] if given else await to_thread.run_sync(_detect, state, deps)
    taken = await _take(commands[0], state, deps)
    for command in commands[1:]:
        if taken.baseline.report.status in ("not-found", "no-tests"):
            taken = await _take(command, state, deps)
    baseline = taken.baseline
    _check(baseline.report, deps)
    found: RunState = {
        "test_command": baseline.report.command,
        "before": baseline.report,
        "flaky": baseline.flaky,
        "baseline_from": baseline.taken if taken.cached else "",
    }
    return {**found, **await reproduce_trace({**state, **found}, deps)}


async def _take(command: str | Found, state: RunState, deps: Deps) -> Taken:
    """Run the tests; where a command was found, say first what runs and who says so."""
    if isinstance(command, Found):
        deps.emit(Notice("info", f"tests: {command.command} ({command.source}: {command.reason})"))
        command = command.command
    return await take_baseline(command, state["base"], deps)


def _detect(state: RunState, deps: Deps) -> Sequence[Found]:
    """Return how the repository says that it is tested, the best way first, and show the others."""
    entries = {entry.path: entry for entry in deps.repository.files(state["base"]) if entry.mode in _FILES}

    def read(path: str) -> bytes:
        return deps.repository.read(entries[path].blob)

    found = detect(entries, read, deps.settings.test_suggestion, state["task"].text)
    if not found:
        raise UsageError("no tests were found: name them with --test COMMAND, or pass --no-verify")
    if len(found) > 1:
        others = ", ".join(f"`{each.command}` ({each.source})" for each in found[1:_SHOWN])
        deps.emit(Notice("info", f"other tests were found, which --test chooses: {others}"))
    return found[:_TRIED]


def _check(report: TestReport, deps: Deps) -> None:
    match report.status:
        case "not-found":
            raise UsageError(
                f"the test command `{report.command}` could not be started: {_last_line(report.output)}; "
                "install what it needs, or pass another with --test"
            )
        case "no-tests":
            raise UsageError(
                f"`{report.command}` found no tests: name others with --test COMMAND, or pass --no-verify"
            )
        case "timeout":
            raise LimitReached(
                f"`{report.command}` did not end within {deps.settings.test_timeout:g} s: "
                "pass a faster one with --test, or allow more with --test-timeout"
            )
        case "passed" | "failed":
            pass


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
