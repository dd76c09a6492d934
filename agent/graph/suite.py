"""Runs of the test command: each selection once a commit, affected tests first, flaky ones again."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from anyio import to_thread

from moot.agent.core.commands import TestReport
from moot.agent.core.events import TestsFinished, TestsStarted
from moot.agent.core.types import Candidate
from moot.agent.core.verification import NotRun
from moot.agent.graph.baseline import run_base
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.state import RunState, start_of
from moot.agent.verify.compare import restricted
from moot.agent.verify.order import Order, order, within
from moot.agent.verify.status import BROKE_OFF

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

_DEPENDENT = "they fail on the base, too, without the tests that ran before them"
_IN_PART = "it ends with {} on the base, too, where it runs these tests alone and none of them fails"


@dataclass(frozen=True, slots=True)
class Ran:
    """A report, the tests that it was meant to cover, and those that were left out; None means all.

    Attributes:
        flaky: tests that passed and failed meanwhile.
        stopped: why the others need not run: what ran rules the edit out.
    """

    report: TestReport
    covered: frozenset[str] | None = None
    left_out: tuple[NotRun, ...] = ()
    flaky: frozenset[str] = frozenset()
    stopped: str = ""


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
    first = await _first(candidate, state, deps, steps)
    return first if first.stopped else await _wider(candidate, state, deps, first, steps)


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


async def _first(candidate: Candidate, state: RunState, deps: Deps, steps: Order) -> Ran:
    """Run the affected tests. Those that fail for another reason than the edit do not rule it out."""
    before = state["before"]
    assert before is not None
    ran = Ran(await _part(candidate, state, deps, steps.first), frozenset(steps.first))
    if stop := _stop(state, ran.report, steps):
        return _stopped(ran, stop, steps)
    broken = ran.report.failed - before.failed - frozenset(state.get("flaky", ()))
    ran = replace(ran, flaky=await find_flaky(candidate, broken, ran, state, deps))
    broken -= ran.flaky
    if not broken:
        return ran
    dependent = broken & (await _on_base(steps.first, state, deps)).failed
    if broken - dependent:
        return _stopped(ran, f"stopped early: {min(broken - dependent)} broke", steps)
    return _without(ran, dependent)


def _stop(state: RunState, report: TestReport, steps: Order) -> str:
    """Return why an edit is ruled out whatever it broke; empty when it is not."""
    if report.status not in ("passed", "failed", "no-tests"):
        return f"the affected tests ended with {report.status}"
    targets = wanted(state)
    if targets and targets <= set(steps.first) and targets <= report.failed:
        return "stopped early: what failed before fails still"
    return ""


def _stopped(ran: Ran, why: str, steps: Order) -> Ran:
    return replace(ran, stopped=why, left_out=(NotRun(why, steps.rest),) if steps.rest else ())


def _without(ran: Ran, tests: frozenset[str]) -> Ran:
    """Take for not run what only the whole suite can tell of."""
    report = restricted(ran.report, {case.id for case in ran.report.cases} - tests)
    assert report is not None
    assert ran.covered is not None
    left = NotRun(_DEPENDENT, tuple(sorted(tests)))
    return replace(ran, report=report, covered=ran.covered - tests, left_out=(left,))


async def _wider(candidate: Candidate, state: RunState, deps: Deps, first: Ran, steps: Order) -> Ran:
    before, budget = state["before"], _budget(state, deps)
    assert before is not None
    left = None if budget is None else max(0.0, budget - first.report.seconds)
    if left is None or before.seconds * _MARGIN <= left:
        whole = await run_tests(candidate, state, deps, (), left)
        if whole.status != "timeout" or left is None or _patience(state) <= left:
            return Ran(whole, flaky=first.flaky)
        return replace(first, left_out=(*first.left_out, _left_out(steps.rest, budget)))
    chosen, rest = within(before, steps.rest, left / _MARGIN)
    report = first.report
    if chosen:
        more = await _part(candidate, state, deps, chosen, left)
        if more.status == "timeout":
            chosen, rest = (), steps.rest
        else:
            report = joined(report, more)
    covered = frozenset((*(first.covered or ()), *chosen))
    late = (_left_out(rest, budget),) if rest else ()
    return replace(first, report=report, covered=covered, left_out=(*first.left_out, *late))


async def _part(
    candidate: Candidate, state: RunState, deps: Deps, only: Sequence[str], seconds: float | None = None
) -> TestReport:
    """Run some tests. An exit code that the base has too, where only some run, says nothing of the edit.

    A threshold of coverage, which is for the whole suite, is missed by any part of it.
    """
    report, before = await run_tests(candidate, state, deps, only, seconds), state["before"]
    assert before is not None
    passing = frozenset(only) - before.failed
    unexplained = report.status == "failed" and report.structured and not report.failed
    if not unexplained or BROKE_OFF in report.note or not passing:
        return report
    base = await _on_base(passing, state, deps)
    if not base.cases or base.failed or base.exit_code != report.exit_code:
        return report
    return replace(report, status="passed", exit_code=0, note=_IN_PART.format(report.exit_code))


async def _on_base(only: Iterable[str], state: RunState, deps: Deps) -> TestReport:
    """Run some tests on the base; the same selection runs once.

    Where a model's test is among them, too, nothing that they leave in caches is kept.
    """
    command, key = state["test_command"], (state["base"], frozenset(only))
    assert command is not None
    if key not in deps.reports:
        deps.limits.check()
        own = start_of(state) == state["base"]
        deps.reports[key] = await run_base(command, key[0], deps, key[1], adopt=own)
    return deps.reports[key]


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
    seen, statuses = {case.id for case in later}, (first.status, second.status)
    failed = first.failed or second.failed or "failed" in statuses
    return replace(
        second,
        status="failed" if failed else "passed" if "passed" in statuses else second.status,
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
