"""Runs of the test command: each selection once a commit, affected tests first, flaky ones again."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from anyio import to_thread

from moot.agent.core.commands import TestReport
from moot.agent.core.events import TestsFinished, TestsStarted
from moot.agent.core.types import Candidate
from moot.agent.core.verification import NotRun
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.state import RunState
from moot.agent.verify.order import Order, order, within

__all__ = ["Ran", "affected_first", "find_flaky", "joined", "run_again", "run_tests"]

_RERUNS = 2
"""Times that a broken test is run again by itself. One in two misses a coin's toss one time in four."""

_MOST_RERUN = 20
"""Broken tests beyond which nothing is run again: so many at once are no accident."""

_SHORTEST = 120.0
_SLOWER = 10.0
"""Seconds that a candidate's tests may take in any case, for it may have to be built anew where the base was
not, and how many times as long as the base's."""

_MARGIN = 1.25
"""How much longer than on the base the whole suite may take before it counts as too long."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A report, the tests that it was meant to cover, and those that were left out; None means all."""

    report: TestReport
    covered: frozenset[str] | None = None
    left_out: tuple[NotRun, ...] = ()


async def run_tests(
    candidate: Candidate, state: RunState, deps: Deps, only: Iterable[str] = (), seconds: float | None = None
) -> TestReport:
    """Run the command, or some of its tests, on a candidate; the same selection runs once."""
    key = (candidate.commit, frozenset(only))
    if key not in deps.reports:
        deps.reports[key] = await run_again(candidate, state, deps, key[1], seconds)
    return deps.reports[key]


async def run_again(
    candidate: Candidate, state: RunState, deps: Deps, only: Iterable[str] = (), seconds: float | None = None
) -> TestReport:
    """Run tests from a fresh checkout, whatever is known of them."""
    command = state["test_command"]
    assert command is not None
    assert deps.runner is not None
    deps.limits.check()
    await to_thread.run_sync(deps.repository.checkout, candidate.commit, deps.workspace)
    deps.emit(TestsStarted(command, candidate.id))
    most = min(_patience(state), math.inf if seconds is None else seconds)
    report = await deps.runner.run(command, deps.workspace, sorted(only), most)
    deps.emit(TestsFinished(report, candidate.id))
    deps.warn_once(report.caution)
    return report


async def affected_first(candidate: Candidate, state: RunState, deps: Deps) -> Ran:
    """Run what the edit can affect, stop when that fails, then go wider within the time budget."""
    steps = await to_thread.run_sync(_order, candidate, state, deps)
    if steps is None:
        return Ran(await run_tests(candidate, state, deps))
    report = await run_tests(candidate, state, deps, steps.first)
    if stop := _stop(state, report, steps):
        left = NotRun(stop, steps.rest)
        return Ran(report, frozenset(steps.first), (left,) if steps.rest else ())
    return await _wider(candidate, state, deps, report, steps)


def _order(candidate: Candidate, state: RunState, deps: Deps) -> Order | None:
    """Find the tests that an edit can affect: what imports the changed files, and what executes them."""
    before = state["before"]
    if before is None:
        return None
    changed = [delta.path for delta in candidate.deltas]
    found = state.get("localisation")
    executing = {
        test for path, tests in (found.executed if found else ()) if path in changed for test in tests
    }
    tight = _budget(state, deps) is not None
    return order(before, frozenset(deps.index.dependents(changed)), executing, always=tight)


def _stop(state: RunState, report: TestReport, steps: Order) -> str:
    """Return why the other tests need not run; empty when they must."""
    if report.status not in ("passed", "failed"):
        return f"the affected tests ended with {report.status}"
    before, targets = state["before"], wanted(state)
    assert before is not None
    broken = sorted(report.failed - before.failed - frozenset(state.get("flaky", ())))
    if broken:
        return f"stopped early: {broken[0]} broke"
    if targets and targets <= set(steps.first) and targets <= report.failed:
        return "stopped early: what failed before fails still"
    return ""


async def _wider(candidate: Candidate, state: RunState, deps: Deps, first: TestReport, steps: Order) -> Ran:
    before, budget = state["before"], _budget(state, deps)
    assert before is not None
    left = None if budget is None else max(0.0, budget - first.seconds)
    if left is None or before.seconds * _MARGIN <= left:
        whole = await run_tests(candidate, state, deps, (), left)
        if whole.status != "timeout" or left is None or _patience(state) <= left:
            return Ran(whole)
        return Ran(first, frozenset(steps.first), (_left_out(steps.rest, budget),))
    chosen, rest = within(before, steps.rest, left / _MARGIN)
    report = first
    if chosen:
        more = await run_tests(candidate, state, deps, chosen, left)
        if more.status == "timeout":
            chosen, rest = (), steps.rest
        else:
            report = joined(first, more)
    return Ran(report, frozenset((*steps.first, *chosen)), (_left_out(rest, budget),) if rest else ())


def _patience(state: RunState) -> float:
    """Return the seconds after which a candidate's tests are taken to hang, by how long the base's took."""
    before = state.get("before")
    return math.inf if before is None else max(_SHORTEST, _SLOWER * before.seconds)


def _budget(state: RunState, deps: Deps) -> float | None:
    """Return the seconds that a candidate's tests may take; None when the whole suite fits easily."""
    before, setting, left = state["before"], deps.settings.test_budget, deps.limits.seconds_left
    if setting is None and before is not None and before.seconds * 2 * _MARGIN < left:
        return None
    return min(left / 2, setting if setting is not None else left)


def _left_out(tests: Collection[str], budget: float | None) -> NotRun:
    return NotRun(f"time budget: {budget or 0:g} s for a candidate's tests", tuple(tests))


def joined(first: TestReport, second: TestReport) -> TestReport:
    """Return both runs as one; what one of them leaves out as skipped has the outcome of the other."""
    ran = {case.id for case in first.cases if case.outcome != "skipped"}
    later = [case for case in second.cases if case.outcome != "skipped" or case.id not in ran]
    seen = {case.id for case in later}
    return replace(
        second,
        status="failed"
        if first.failed or second.failed or "failed" in (first.status, second.status)
        else "passed",
        exit_code=first.exit_code or second.exit_code,
        seconds=first.seconds + second.seconds,
        cases=(*(case for case in first.cases if case.id not in seen), *later),
        note="; ".join(dict.fromkeys(filter(None, (first.note, second.note)))),
    )


# --- flaky tests ----------------------------------------------------------------------------


async def find_flaky(
    candidate: Candidate, broken: Collection[str], ran: Ran, state: RunState, deps: Deps
) -> frozenset[str]:
    """Run broken tests again, by themselves and then as they were run; return those that are flaky.

    A test is flaky when the same files let it pass and fail under the same conditions: by itself both
    ways, or by itself always and in the same selection as before this time. One that passes alone and
    fails with the others each time is broken: the edit makes it depend on their order.
    """
    if not broken or len(broken) > _MOST_RERUN or ran.report.status != "failed":
        return frozenset()
    alone = [await run_again(candidate, state, deps, broken) for _ in range(_RERUNS)]
    passed = [report.passed & frozenset(broken) for report in alone]
    sometimes, always = frozenset[str].union(*passed), frozenset[str].intersection(*passed)
    if not always:
        return sometimes
    together = await run_again(candidate, state, deps, ran.covered or ())
    return (sometimes - always) | (always & together.passed)
