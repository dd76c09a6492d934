"""The failing tests on many candidates in one warm pytest: a filter before the gate, which runs cold."""

from collections.abc import Mapping, Sequence

from anyio import to_thread

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.events import Notice
from moot.agent.core.types import Candidate
from moot.agent.graph.contents import changes, plain
from moot.agent.graph.deps import Deps, Filtered
from moot.agent.graph.failures import wanted
from moot.agent.graph.state import RunState
from moot.agent.verify.compare import compare, restricted
from moot.agent.verify.warm.versions import Answer, Orders, Version, run_versions, warmable

__all__ = ["filter_warm", "longest"]

_WORTH = 3
"""Candidates below which starting a warm process costs as much as it gains."""

_SHORTEST = 2.0
_SLOWER = 5.0
"""A candidate may take so many seconds in any case, and so many times as long as the failing tests do."""


async def filter_warm(candidates: Sequence[Candidate], state: RunState, deps: Deps) -> Mapping[str, Filtered]:
    """Return what the warm process could tell, by candidate; the others are to be run one by one.

    A candidate that crashes the process, or whose answer is odd, is among these others. One that was told
    of before is not run again.
    """
    command, before = state["test_command"], state["before"]
    found = {one.id: deps.filtered[one.commit] for one in candidates if one.commit in deps.filtered}
    candidates = [one for one in candidates if one.id not in found]
    if len(candidates) < _WORTH or command is None or before is None or deps.runner is None:
        return found
    deps.limits.check()
    await to_thread.run_sync(deps.repository.checkout, state["base"], deps.workspace)
    if not await warmable(command, deps.workspace):
        return found
    targets = wanted(state)
    each = _allowed(before, targets)
    seconds = min(deps.settings.test_timeout, deps.limits.seconds_left / 2, each * len(candidates))
    versions = await to_thread.run_sync(_versions, candidates, state, deps)
    orders = Orders(versions, sorted(targets), targets, each, seconds, deps.settings.survivors)
    answers = await run_versions(deps.runner, command, deps.workspace, orders)
    spent = sum(answer.seconds for answer in answers.values())
    deps.emit(Notice("info", f"tests: {len(answers)} candidates in one process, {spent:.1f} s"))
    collects = any(_collected(answer, targets) for answer in answers.values())
    for candidate in candidates:
        if (answer := answers.get(candidate.id)) and (said := _read(answer, each, collects, state)):
            found[candidate.id] = deps.filtered[candidate.commit] = said
    return found


def _allowed(before: TestReport, targets: frozenset[str]) -> float:
    """Return the seconds that a candidate may take: many a wrong one never ends.

    What the base's run took beside its tests is what importing them takes.
    """
    tested = sum(case.seconds for case in before.cases)
    if not tested:
        return longest(before)
    targeted = sum(case.seconds for case in before.cases if case.id in targets)
    return _SHORTEST + max(0.0, before.seconds - tested) + _SLOWER * targeted


def longest(before: TestReport) -> float:
    """Return the seconds after which a candidate's failing tests hang, whatever they have to set up first."""
    return _SHORTEST + _SLOWER * before.seconds


def _versions(candidates: Sequence[Candidate], state: RunState, deps: Deps) -> list[Version]:
    """Return the files of each candidate that consists of regular ones. Blocks."""
    files = [(candidate.id, changes(candidate, state, deps)) for candidate in candidates]
    return [
        Version(name, {path: change.new for path, change in found.items()})
        for name, found in files
        if plain(found)
    ]


def _read(answer: Answer, each: float, collects: bool, state: RunState) -> Filtered | None:
    """Return what an answer says; None where it says nothing that can be relied on.

    Args:
        collects: whether the failing tests ran with another candidate: one with which they are not found
            cannot be imported, and one that does not end had time enough. Else that may be too short: where
            another test set up what they share, or the base's tests ran side by side.
    """
    targets, report = wanted(state), _report(state["test_command"] or "", answer)
    if answer.late and not collects:
        return Filtered(None, report)
    if answer.late:
        return Filtered(frozenset(), report, f"the failing tests do not end within {each:.0f} s")
    if answer.ended and not _collected(answer, targets):
        reason = "the failing tests cannot be collected"
        return Filtered(frozenset(), report, reason) if collects else None
    if not answer.ended:
        return None
    return Filtered(compare(restricted(state["before"], targets), report).fixed, report)


def _collected(answer: Answer, targets: frozenset[str]) -> bool:
    return answer.ended and any(name in targets for name, _, _ in answer.tests)


def _report(command: str, answer: Answer) -> TestReport:
    cases = tuple(TestCase(name, outcome, message) for name, outcome, message in answer.tests)
    failed = any(case.outcome in ("failed", "error") for case in cases)
    return TestReport(command, "failed" if failed else "passed", int(failed), answer.seconds, cases)
