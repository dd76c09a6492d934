"""Says from two runs of the same tests what an edit did, and whether it is verified."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from moot.agent.core.commands import TestReport
from moot.agent.core.verification import NotRun, TestDelta
from moot.agent.verify.frameworks.mocha import HOOK
from moot.agent.verify.frameworks.unittest import FIXTURE
from moot.agent.verify.status import BROKE_OFF
from moot.agent.verify.vanished import function_of

__all__ = ["Comparison", "compare", "restricted", "summarise"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an edit did to the tests, as ids, and whether it is verified, with the reason in words."""

    fixed: frozenset[str]
    broken: frozenset[str]
    still_failing: frozenset[str]
    missing: frozenset[str]
    verified: bool
    reason: str


def compare(
    before: TestReport | None, after: TestReport, targets: Iterable[str] = (), flaky: Collection[str] = ()
) -> Comparison:
    """Compare a run on the base with a run of the same selection on the edit.

    An edit is verified when every target passes, no test that failed before has vanished or is skipped,
    and either the command passes; or it failed before too, with single outcomes known on both sides,
    and then at least one failing test is fixed, none is broken and none that passed has vanished, and where
    no test fails any more its exit code is the one that it had before.
    Broken means: fails now and did not fail before. A module that could not be imported is fixed when
    its tests now run and none of them fails, and so is a suite whose hook failed. A flaky test decides
    nothing: it is neither fixed nor broken, and a command that fails for flaky tests alone counts as one
    that passes, if it came to its end and no test that passed has vanished.

    Args:
        before: the run on the base; None when there was none.
        after: the run on the edit.
        targets: ids that must pass, beside the rule.
        flaky: ids that passed and failed on the same files.
    """
    unstable = frozenset(flaky)
    old_failed = (before.failed if before else frozenset[str]()) - unstable
    old_passed = (before.passed if before else frozenset[str]()) - unstable
    fixed = frozenset(name for name in old_failed if _passes(name, after))
    broken = after.failed - old_failed - unstable
    seen = {case.id for case in after.cases}
    missing = (old_passed - seen) if after.cases else frozenset[str]()
    still = (old_failed - fixed) if after.cases else frozenset[str]()
    result = Comparison(fixed, broken, still, missing, False, "")
    ended = after.status == "failed" and BROKE_OFF not in after.note
    if ended and not missing and after.failed and after.failed <= unstable:
        after = replace(after, status="passed")
    reason = _objection(before, after, frozenset(targets), result)
    return replace(result, verified=not reason, reason=reason or _praise(after, fixed))


def restricted(report: TestReport | None, only: Collection[str]) -> TestReport | None:
    """Return a report as if only these tests had been run."""
    if report is None:
        return None
    cases = tuple(case for case in report.cases if case.id in only)
    failed = any(case.outcome in ("failed", "error") for case in cases)
    return replace(report, status="failed" if failed else "passed", exit_code=int(failed), cases=cases)


def summarise(
    before: TestReport | None,
    after: TestReport,
    comparison: Comparison,
    flaky: Collection[str] = (),
    left_out: Sequence[NotRun] = (),
) -> TestDelta:
    """Return what a person wants to know: each test that matters, under what happened to it."""
    stopped = {name for group in left_out for name in group.tests}
    missing = sorted(comparison.missing - stopped)
    ran = {function_of(case.id) for case in after.cases}
    renamed = tuple(name for name in missing if function_of(name) in ran)
    gone = tuple(name for name in missing if function_of(name) not in ran)
    groups = [*left_out, *_skipped(after)]
    if renamed:
        groups.append(NotRun("they ran with other parameters", renamed))
    if gone:
        groups.append(NotRun("the edit removed them, or something keeps them from running", gone))
    return TestDelta(
        failed_before=tuple(sorted(before.failed)) if before else (),
        fixed=tuple(sorted(comparison.fixed)),
        broke=tuple(sorted(comparison.broken)),
        still_failing=tuple(sorted(comparison.still_failing - stopped)),
        flaky=tuple(sorted(flaky)),
        not_run=tuple(groups),
        complete=not left_out,
    )


def _skipped(after: TestReport) -> list[NotRun]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for case in after.cases:
        if case.outcome == "skipped":
            said = case.message.strip().partition("\n")[0]
            groups[f"skipped: {said}" if said else "skipped"].append(case.id)
    return [NotRun(reason, tuple(sorted(names))) for reason, names in sorted(groups.items())]


def _objection(
    before: TestReport | None, after: TestReport, targets: frozenset[str], result: Comparison
) -> str:
    """Return why the edit is not verified; empty when it is."""
    unmet = sorted(name for name in targets if not _passes(name, after)) if after.cases else []
    if after.status not in ("passed", "failed"):
        return f"the tests ended with {after.status}"
    if unmet:
        return f"{unmet[0]} does not pass"
    if after.status == "passed":
        gone = sorted(result.still_failing)
        return f"{gone[0]} failed before and does not run any more" if gone else ""
    if before is None or not before.cases or not after.cases:
        return f"the tests fail with exit code {after.exit_code}"
    if result.broken:
        return f"{sorted(result.broken)[0]} fails and did not before"
    if result.missing:
        return f"{sorted(result.missing)[0]} passed before and does not run any more"
    if BROKE_OFF in after.note and BROKE_OFF not in before.note:
        return BROKE_OFF
    if not after.failed and after.exit_code != before.exit_code:
        return f"no test fails, but the command ends with exit code {after.exit_code}"
    return "" if result.fixed else "no failing test is fixed"


def _praise(after: TestReport, fixed: frozenset[str]) -> str:
    if after.status == "passed":
        return f"the tests pass; {len(fixed)} were fixed" if fixed else "the tests pass"
    done = f"{len(fixed)} tests are fixed, none is broken"
    if not after.failed:
        return f"{done}; the command ends with exit code {after.exit_code} as before, though no test fails"
    return f"{done}; what still fails failed before"


def _passes(name: str, report: TestReport) -> bool:
    own = [case for case in report.cases if case.id == name]
    if own:
        return name in report.passed
    below = {case.id for case in report.cases if case.id.startswith(_starts(name))}
    return bool(below & report.passed) and not below & report.failed


def _starts(name: str) -> tuple[str, ...]:
    """Return how the ids of the tests begin that run once a module, a package or a suite is mended."""
    if hook := HOOK.search(name):
        return (f"{name[: hook.start()]} ",)
    if fixture := FIXTURE.fullmatch(name):
        return (f"{fixture[1]}.",)
    starts = [f"{name} > "]
    if "::" not in name:
        starts.append(f"{name}::")
    if " " not in name:  # no title, which may be the beginning of another one
        starts.append(f"{name}.")
    return tuple(starts)
