"""The gate: what a candidate's tests say in the sandbox, cheapest first, each commit judged once."""

from collections.abc import Sequence
from dataclasses import replace

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.events import EvidenceFound
from moot.agent.core.types import Candidate
from moot.agent.core.verification import IntegrityFlag, unasked
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import named, wanted
from moot.agent.graph.lint import new_findings
from moot.agent.graph.state import RunState
from moot.agent.graph.suite import Ran, affected_first, find_flaky, run_tests
from moot.agent.risk.asked import mark_asked
from moot.agent.verify.compare import compare, restricted, summarise
from moot.agent.verify.vanished import lost, vanished

__all__ = ["is_known", "run_gate", "run_targets", "unverified"]


async def run_targets(
    candidate: Candidate, state: RunState, deps: Deps, seconds: float | None = None
) -> frozenset[str] | None:
    """Run only the tests that fail on the base, for so many seconds; return those that are fixed.

    None means that the runner names no single tests, so that only the whole command can tell. A
    candidate whose whole suite has run is not run again.
    """
    targets = wanted(state)
    if not targets:
        return None
    whole = deps.reports.get((candidate.commit, frozenset()))
    report = whole or await run_tests(candidate, state, deps, targets, seconds)
    return compare(restricted(state["before"], targets), report).fixed


def is_known(candidate: Candidate, state: RunState, deps: Deps) -> bool:
    """Tell whether the tests that fail on the base have run on a candidate."""
    return any((candidate.commit, only) in deps.reports for only in (frozenset[str](), wanted(state)))


def unverified(candidate: Candidate) -> Contestant:
    """Judge a candidate by its flags alone, where nothing is run."""
    demerits = tuple(str(flag) for flag in unasked(candidate.flags))
    nothing = TestReport("", "no-tests", 0, 0.0)
    return Contestant(candidate, nothing, True, "nothing was verified", demerits=demerits)


async def run_gate(candidate: Candidate, state: RunState, deps: Deps) -> Contestant:
    """Run the tests, affected ones first, then linters where those pass, and compare with the base."""
    if candidate.commit not in deps.judged:
        contestant = await _judge(candidate, state, deps)
        deps.emit(EvidenceFound(f"{candidate.id}/tests", candidate.id, contestant.reason))
        deps.judged[candidate.commit] = contestant
    return deps.judged[candidate.commit]


async def _judge(candidate: Candidate, state: RunState, deps: Deps) -> Contestant:
    ran = await affected_first(candidate, state, deps)
    before = _covered(state["before"], ran)
    known = frozenset(state.get("flaky", ())) | ran.flaky
    broken = () if ran.stopped else compare(before, ran.report, flaky=known).broken
    flaky = known | await find_flaky(candidate, broken, ran, state, deps)
    comparison = compare(before, ran.report, named(state) - flaky, flaky)
    flags = (*candidate.flags, *_vanished(before, ran, candidate, state, deps))
    verified = comparison.verified and not ran.stopped
    lint = await new_findings(candidate, state, deps) if verified else None
    objections = (*unasked(flags), *(lint.new if lint else ()))
    return Contestant(
        replace(candidate, flags=flags),
        ran.report,
        verified,
        comparison.reason if not comparison.verified else ran.stopped or comparison.reason,
        summarise(state["before"], ran.report, comparison, flaky, ran.left_out),
        demerits=tuple(map(str, objections)),
        lint=lint,
    )


def _covered(before: TestReport | None, ran: Ran) -> TestReport | None:
    """Return what the base says of those tests that were meant to run now."""
    return before if ran.covered is None else restricted(before, ran.covered)


def _vanished(
    before: TestReport | None, ran: Ran, candidate: Candidate, state: RunState, deps: Deps
) -> tuple[IntegrityFlag, ...]:
    """Flag tests that stopped running although nothing that the edit does to their files says so.

    Where the task asks for a change of what selects the tests, that explains it. Of a part of the tests
    none is said to be gone from a file that the edit touches: what is new there did not run.
    """
    if any(flag.asked and flag.kind in ("runner", "skipped", "deleted") for flag in candidate.flags):
        return ()
    touched = {delta.path for delta in candidate.deltas}
    told = {case.id for case in (before.cases if before else ()) if _told(case, candidate.flags)}
    gone = lost(before, ran.report, touched, told) if ran.covered is None else ()
    flags = [
        _flag(before, vanished(before, ran.report, touched), ", though its file did not change"),
        _flag(before, gone, ", nor does one in its place"),
    ]
    return mark_asked(filter(None, flags), state["task"].text, deps.settings.allow_test_changes)


def _flag(before: TestReport | None, gone: Sequence[str], how: str) -> IntegrityFlag | None:
    if before is None or not gone:
        return None
    path = next(case.file for case in before.cases if case.id == gone[0])
    more = f" (and {len(gone) - 1} more)" if len(gone) > 1 else ""
    text = f"{gone[0]}{more} ran before and does not run now{how}"
    return IntegrityFlag(path, 1, "vanished", text, gone[0])


def _told(case: TestCase, flags: Sequence[IntegrityFlag]) -> bool:
    """Tell whether a flag says already that a test is gone, skipped or not the one that runs alone."""
    return any(
        flag.test in case.id if flag.test and flag.kind != "focused" else flag.path == case.file
        for flag in flags
        if flag.kind in ("deleted", "skipped", "focused")
    )
