"""Tests that passed on the base and do not run on an edit, told from two reports of whole runs."""

import re
from collections.abc import Callable, Collection, Sequence

from moot.agent.core.commands import TestCase, TestReport

__all__ = ["function_of", "lost", "vanished"]

_GO_SUBTEST = re.compile(r"(\.(?:Test|Fuzz|Example)\w*)/.*", re.DOTALL)
_LAST_NAME = re.compile(r".*\.(\w+)", re.DOTALL)


def vanished(before: TestReport | None, after: TestReport, touched: Collection[str]) -> tuple[str, ...]:
    """Return tests that passed before and did not run now, though the edit left their files alone.

    Parameters are left aside: they may be made from the code under test.
    """
    if before is None or not after.cases:
        return ()
    ran = {function_of(name) for name in after.passed | after.failed}
    gone = (case for case in before.cases if case.outcome == "passed" and not _in(case, touched))
    return tuple(sorted(case.id for case in gone if case.file and function_of(case.id) not in ran))


def lost(
    before: TestReport | None, after: TestReport, touched: Collection[str], told: Collection[str] = ()
) -> tuple[str, ...]:
    """Return tests of touched files that passed before and did not run now, nor any other in their place.

    A test that ran now and not before is in the place of one that is gone where it has the same name, since
    that moved, or the same file, since that was renamed. A file that cannot be read fails and has lost none.

    Args:
        before: a whole run on the base.
        after: a whole run on the edit.
        touched: the files that the edit changes, removes or adds.
        told: ids of tests of which it is known otherwise that they are gone.
    """
    if before is None or not after.cases or after.status not in ("passed", "failed"):
        return ()
    broken = {case.file or case.id for case in after.cases if case.outcome == "error"}
    ran = {_unit(case.id): case for case in after.cases if case.outcome in ("passed", "failed")}
    known = {_unit(case.id) for case in before.cases}
    gone = {
        _unit(case.id): case
        for case in before.cases
        if case.outcome == "passed" and _in(case, touched) and case.file not in broken
    }
    missing = [case for name, case in gone.items() if name not in ran and case.id not in told]
    new = [case for name, case in ran.items() if name not in known]
    return tuple(sorted(case.id for case in _without_place(missing, new, after)))


def function_of(name: str) -> str:
    """Return a test's id without its parameters."""
    return name.partition("[")[0]


def _unit(name: str) -> str:
    """Return a test's id without parameters, and without the subtests that Go names by data."""
    return _GO_SUBTEST.sub(r"\1", function_of(name))


def _in(case: TestCase, touched: Collection[str]) -> bool:
    """Tell whether a test is in one of these files; of Rust's the report names the crate's root alone."""
    return case.file in touched or (case.file.endswith(".rs") and any(p.endswith(".rs") for p in touched))


def _without_place(missing: Sequence[TestCase], new: Sequence[TestCase], after: TestReport) -> list[TestCase]:
    skipped = {_unit(case.id) for case in after.cases if case.outcome == "skipped"}
    left, rest = list(new), [case for case in missing if _unit(case.id) not in skipped]
    for key in (_leaf, _file):
        rest = _unmatched(rest, left, key)
    return [*rest, *(case for case in missing if _unit(case.id) in skipped)]


def _unmatched(
    gone: Sequence[TestCase], new: list[TestCase], key: Callable[[TestCase], str]
) -> list[TestCase]:
    """Return the tests for which there is no new one; new ones that match are used up."""
    left: list[TestCase] = []
    for case in gone:
        match = next((one for one in new if key(one) == key(case)), None)
        if match is None:
            left.append(case)
        else:
            new.remove(match)
    return left


def _leaf(case: TestCase) -> str:
    """Return a test's own name, without its file, module, package, class or suite."""
    last = re.split(r"::| > ", _unit(case.id))[-1]
    named = _LAST_NAME.fullmatch(last)
    return named[1] if named else last


def _file(case: TestCase) -> str:
    return case.file
