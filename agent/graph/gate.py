"""The gate: a candidate's tests in the sandbox, cheapest first, each commit tested once."""

from collections.abc import Iterable

from anyio import to_thread

from moot.agent.core.commands import TestReport
from moot.agent.core.events import EvidenceFound, TestsFinished, TestsStarted
from moot.agent.core.types import Candidate
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.verify.compare import compare

__all__ = ["run_gate", "run_targets"]


async def run_targets(candidate: Candidate, state: RunState, deps: Deps) -> int | None:
    """Run only the tests that fail on the base; return how many pass now.

    None means that the runner names no single tests, so that only the whole command can tell.
    """
    before = state["before"]
    if before is None or not before.failed:
        return None
    report = await _run(candidate, state, deps, before.failed)
    return len(report.passed & before.failed)


async def run_gate(candidate: Candidate, state: RunState, deps: Deps) -> Contestant:
    """Run the whole command and compare with the base."""
    report = await _run(candidate, state, deps, ())
    comparison = compare(state["before"], report)
    deps.emit(EvidenceFound(f"{candidate.id}/tests", candidate.id, comparison.reason))
    return Contestant(candidate, report, comparison.verified)


async def _run(candidate: Candidate, state: RunState, deps: Deps, only: Iterable[str]) -> TestReport:
    command = state["test_command"]
    assert command is not None
    assert deps.runner is not None
    key = (candidate.commit, frozenset(only))
    if key not in deps.reports:
        deps.limits.check()
        await to_thread.run_sync(deps.repository.checkout, candidate.commit, deps.workspace)
        deps.emit(TestsStarted(command, candidate.id))
        report = await deps.runner.run(command, deps.workspace, only=sorted(only))
        deps.emit(TestsFinished(report, candidate.id))
        deps.reports[key] = report
    return deps.reports[key]
