"""Says from two runs of the same tests whether an edit is verified."""

from collections.abc import Iterable
from dataclasses import dataclass

from moot.agent.core.commands import TestReport

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an edit did to the tests, as ids, and whether it is verified, with the reason in words."""

    fixed: frozenset[str]
    broken: frozenset[str]
    still_failing: frozenset[str]
    missing: frozenset[str]
    verified: bool
    reason: str


def compare(before: TestReport | None, after: TestReport, targets: Iterable[str] = ()) -> Comparison:
    """Compare a run on the base with a run of the same selection on the edit.

    An edit is verified when every target passes, no test that failed before has vanished or is skipped,
    and either the command passes; or it failed before too, with single outcomes known on both sides,
    and then at least one failing test is fixed, none is broken and none that passed has vanished.
    Broken means: fails now and did not fail before. A module that could not be imported is fixed when
    its tests now run and none of them fails.

    Args:
        before: the run on the base; None when there was none.
        after: the run on the edit.
        targets: ids that must pass, beside the rule.
    """
    old_failed = before.failed if before else frozenset[str]()
    old_passed = before.passed if before else frozenset[str]()
    fixed = frozenset(name for name in old_failed if _passes(name, after))
    broken = after.failed - old_failed
    seen = {case.id for case in after.cases}
    missing = (old_passed - seen) if after.cases else frozenset[str]()
    still = (old_failed - fixed) if after.cases else frozenset[str]()
    reason = _objection(
        before, after, frozenset(targets), Comparison(fixed, broken, still, missing, False, "")
    )
    return Comparison(fixed, broken, still, missing, not reason, reason or _praise(after, fixed))


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
    return "" if result.fixed else "no failing test is fixed"


def _praise(after: TestReport, fixed: frozenset[str]) -> str:
    if after.status == "passed":
        return f"the tests pass; {len(fixed)} were fixed" if fixed else "the tests pass"
    return f"{len(fixed)} tests are fixed, none is broken; what still fails failed before"


def _passes(name: str, report: TestReport) -> bool:
    if name in report.passed:
        return True
    below = {case.id for case in report.cases if case.id.startswith(f"{name}::")}
    return "::" not in name and bool(below & report.passed) and not below & report.failed
