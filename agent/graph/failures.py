"""Failing tests in words, for a query or a prompt."""

from moot.agent.core.commands import TestReport

__all__ = ["describe"]

_MAX_TESTS = 5
_MAX_LINES = 25


def describe(report: TestReport | None) -> str:
    """Return the failing tests' ids and the ends of their messages; empty when nothing failed."""
    if report is None or report.status != "failed":
        return ""
    failed = [case for case in report.cases if case.id in report.failed][:_MAX_TESTS]
    if not failed:
        return _tail(report.output)
    return "\n\n".join(f"{case.id}\n{_tail(case.message)}" for case in failed)


def _tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-_MAX_LINES:])
