"""Which tests fail on the base, and failing tests in words, for a query or a prompt."""

import re
from collections.abc import Collection

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.graph.state import RunState
from moot.agent.repair.frames import own_name

__all__ = ["describe", "described", "failing", "named", "wanted"]

_MAX_TESTS = 5
_MAX_LINES = 25
_LEAST_NAME = 8
"""Letters of a test's own name below which it may stand in a task for something else."""


def failing(state: RunState) -> frozenset[str]:
    """Return the tests that fail on the base each time."""
    before = state.get("before")
    return before.failed - frozenset(state.get("flaky", ())) if before is not None else frozenset()


def named(state: RunState) -> frozenset[str]:
    """Return the failing tests that the task names, or that fail as its stack trace does: these have to pass.

    They are named by their ids or their own names.
    """
    text, shown = state["task"].text, state.get("reproduction")
    told = frozenset(shown.tests) if shown is not None else frozenset[str]()
    failed = failing(state)
    return (failed & told) | {test for test in failed if test in text or _is_named(own_name(test), text)}


def wanted(state: RunState) -> frozenset[str]:
    """Return the failing tests that are to be repaired: those that the task names, else all of them."""
    return named(state) or failing(state)


def _is_named(name: str, text: str) -> bool:
    name = name if " " in name else name.partition("/")[0]  # Go's subtests
    whole = rf"(?<!\w){re.escape(name)}(?!\w)"
    return len(name) >= _LEAST_NAME and re.search(whole, text) is not None


def describe(report: TestReport | None, *groups: Collection[str]) -> str:
    """Return the ids of those tests that fail and the ends of their messages; empty when none of them does.

    Where no single test is known to fail it is the end of the output.

    Args:
        report: of a run.
        groups: tests that matter; those of the first are told first.
    """
    if report is None or report.status != "failed":
        return ""
    if not report.failed:
        return _tail(report.output)
    told = [group & report.failed for group in map(frozenset, groups)]
    failed = [case for group in told for case in report.cases if case.id in group]
    return "\n\n".join(map(described, failed[:_MAX_TESTS]))


def described(case: TestCase) -> str:
    """Return a test's id and the end of its message, which holds what was asserted and its values."""
    return f"{case.id}\n{_tail(case.message)}"


def _tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-_MAX_LINES:])
