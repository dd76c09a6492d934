"""Which tests fail on the base, and failing tests in words, for a query or a prompt."""

from collections.abc import Collection

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.graph.state import RunState

__all__ = ["describe", "described", "failing"]

_MAX_TESTS = 5
_MAX_LINES = 25


def failing(state: RunState) -> frozenset[str]:
    """Return the tests that fail on the base each time."""
    before = state.get("before")
    return before.failed - frozenset(state.get("flaky", ())) if before is not None else frozenset()


def describe(report: TestReport | None, flaky: Collection[str] = ()) -> str:
    """Return the failing tests' ids and the ends of their messages; empty when nothing failed.

    Args:
        flaky: tests that are left out.
    """
    if report is None or report.status != "failed":
        return ""
    wanted = report.failed - frozenset(flaky)
    failed = [case for case in report.cases if case.id in wanted][:_MAX_TESTS]
    if not failed:
        return "" if report.failed else _tail(report.output)
    return "\n\n".join(map(described, failed))


def described(case: TestCase) -> str:
    """Return a test's id and the end of its message, which holds what was asserted and its values."""
    return f"{case.id}\n{_tail(case.message)}"


def _tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-_MAX_LINES:])
