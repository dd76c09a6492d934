"""The tests on the base: kept from an earlier run on the same files, or run, what fails once more."""

from dataclasses import dataclass
from datetime import UTC, datetime

from anyio import to_thread

from moot.agent.core.commands import TestReport
from moot.agent.core.events import Notice, TestsFinished, TestsStarted
from moot.agent.core.verification import Baseline
from moot.agent.graph.deps import Deps

__all__ = ["Taken", "run_base", "take_baseline"]

_MOST_RERUN = 20
"""Failing tests beyond which nothing is run again: so many at once are no accident."""

_TOLD = ("passed", "failed")


@dataclass(frozen=True, slots=True)
class Taken:
    """A baseline, and whether an earlier run took it."""

    baseline: Baseline
    cached: bool = False


async def take_baseline(command: str, base: str, deps: Deps) -> Taken:
    """Return what the tests say of the base commit.

    An earlier run's answer counts where the files, the command, the sandbox and everything that the tests
    can see beside the files are as they were then. A run that did not end in time, or in the midst of which
    something changed, is not kept.
    """
    assert deps.runner is not None
    await to_thread.run_sync(deps.repository.checkout, base, deps.workspace)
    key = await _key(command, base, deps)
    if key is not None and deps.baselines is not None and not deps.settings.fresh_baseline:
        kept = await to_thread.run_sync(deps.baselines.load, key)
        if kept is not None and kept.report.seconds <= deps.settings.test_timeout:
            _tell(kept, deps)
            return Taken(kept, cached=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    report = await run_base(command, base, deps)
    if report.note:
        deps.emit(Notice("warning" if report.exit_code == 0 else "info", f"tests: {report.note}"))
    baseline = Baseline(report, now, await _flaky(command, base, report, deps))
    if key is not None and deps.baselines is not None and report.status in _TOLD:
        await to_thread.run_sync(deps.repository.checkout, base, deps.workspace)
        if await _key(command, base, deps) == key:
            await to_thread.run_sync(deps.baselines.save, key, baseline)
    return Taken(baseline)


async def _key(command: str, base: str, deps: Deps) -> str | None:
    """Name everything that the tests can see; None when that cannot be told, or nothing is to be kept."""
    if deps.baselines is None or deps.runner is None:
        return None
    seen = await to_thread.run_sync(deps.runner.fingerprint, command, deps.workspace)
    if seen is None:
        return None
    return deps.baselines.key(await to_thread.run_sync(deps.repository.tree, base), command, seen)


def _tell(kept: Baseline, deps: Deps) -> None:
    taken = datetime.fromisoformat(kept.taken)
    deps.emit(
        Notice(
            "info",
            f"tests: the base's outcome is of {taken:%Y-%m-%d %H:%M} UTC, on the same files and environment; "
            "--fresh-baseline runs them again",
        )
    )
    deps.emit(TestsFinished(kept.report, None))


async def run_base(
    command: str, base: str, deps: Deps, only: frozenset[str] = frozenset(), adopt: bool = True
) -> TestReport:
    """Run the command, or some of its tests, on the base; `adopt`: what they leave in caches stays."""
    assert deps.runner is not None
    await to_thread.run_sync(deps.repository.checkout, base, deps.workspace)
    deps.emit(TestsStarted(command, None))
    report = await deps.runner.run(command, deps.workspace, sorted(only))
    if adopt:
        await to_thread.run_sync(deps.repository.adopt, deps.workspace)
    deps.emit(TestsFinished(report, None))
    deps.warn_once(report.caution)
    return report


async def _flaky(command: str, base: str, report: TestReport, deps: Deps) -> tuple[str, ...]:
    """Run what fails once more by itself; what passes then is flaky, unless it fails with the others again.

    A test that passes alone and fails with the others each time depends on their order: it fails.
    """
    failed = report.failed
    if report.status != "failed" or not failed or len(failed) > _MOST_RERUN:
        return ()
    deps.limits.check()
    again = await run_base(command, base, deps, failed)
    passed = failed & again.passed
    if again.status not in _TOLD or not passed:
        return ()
    if {case.id for case in report.cases} - failed - {case.id for case in again.cases}:
        deps.limits.check()
        together = await run_base(command, base, deps)
        passed &= together.passed
    return tuple(sorted(passed))
