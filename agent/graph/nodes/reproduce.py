"""Run the tests on the base: what fails now is what has to be fixed, and nothing else may break."""

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.commands import TestReport
from moot.agent.core.errors import LimitReached, UsageError
from moot.agent.core.events import Notice, TestsFinished, TestsStarted
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.verify.detect import detect

__all__ = ["reproduce"]


async def reproduce(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Find the test command and its outcome before any edit."""
    deps = runtime.context
    if deps.runner is None:
        deps.emit(Notice("warning", "nothing is verified: --no-verify was given"))
        return {"test_command": None, "before": None}
    command = state["task"].test_command or await to_thread.run_sync(_detect, deps, state["base"])
    await to_thread.run_sync(deps.repository.checkout, state["base"], deps.workspace)
    deps.emit(TestsStarted(command, None))
    report = await deps.runner.run(command, deps.workspace)
    deps.emit(TestsFinished(report, None))
    _check(report, deps)
    return {"test_command": command, "before": report}


def _detect(deps: Deps, base: str) -> str:
    entries = {entry.path: entry for entry in deps.repository.files(base)}
    command = detect(list(entries), lambda path: deps.repository.read(entries[path].blob))
    if command is None:
        raise UsageError("no tests were found: name them with --test COMMAND, or pass --no-verify")
    return command


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
