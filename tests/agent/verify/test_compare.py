from dataclasses import replace

import pytest

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.verify.compare import compare, summarise
from moot.agent.verify.status import BROKE_OFF


def report(status: str = "", **cases: str) -> TestReport:
    failed = any(outcome in ("failed", "error") for outcome in cases.values())
    return TestReport(
        "pytest",
        status or ("failed" if failed else "passed"),
        int(failed),
        1.0,
        tuple(TestCase(name.replace("__", "::"), outcome) for name, outcome in cases.items()),
    )


def test_a_command_that_passes_is_enough():
    assert compare(None, report("passed")).verified
    result = compare(report(f__a="failed", f__b="passed"), report(f__a="passed", f__b="passed"))
    assert result.verified
    assert result.fixed == {"f::a"}


def test_unrelated_failures_do_not_hide_a_fix():
    before = report(f__a="failed", f__other="failed", f__b="passed")
    result = compare(before, report(f__a="passed", f__other="failed", f__b="passed"), targets=["f::a"])
    assert result.verified
    assert result.still_failing == {"f::other"}


def test_a_target_must_pass():
    before = report(f__a="failed", f__other="failed")
    assert not compare(before, report(f__a="failed", f__other="passed"), targets=["f::a"]).verified


def test_nothing_may_break():
    before = report(f__a="failed", f__other="failed", f__b="passed")
    result = compare(before, report(f__a="passed", f__other="failed", f__b="failed"))
    assert not result.verified
    assert result.broken == {"f::b"}


def test_a_new_test_that_fails_is_broken():
    before = report(f__a="failed", f__b="failed")
    assert not compare(before, report(f__a="passed", f__b="failed", f__new="failed")).verified


def test_an_exit_code_that_no_test_explains_is_said_and_a_new_one_is_no_pass():
    """A type checker behind the tests, a crash at the end; coverage below a bound, as before."""
    before, after = report(f__a="failed"), report("failed", f__a="passed")
    crashed = compare(before, replace(after, exit_code=139))
    assert (crashed.verified, "exit code 139" in crashed.reason) == (False, True)
    same = compare(before, replace(after, exit_code=1))
    assert (same.verified, "though no test fails" in same.reason) == (True, True)


def test_nothing_fixed_is_not_verified():
    before = report(f__a="failed")
    assert not compare(before, before).verified
    assert not compare(None, before).verified


def test_removing_or_skipping_the_failing_test_is_no_fix():
    before = report(f__a="failed", f__b="passed")
    assert not compare(before, report(f__b="passed")).verified
    assert not compare(before, report(f__a="skipped", f__b="passed")).verified


def test_removing_a_passing_test_beside_failures_is_no_fix():
    before = report(f__a="failed", f__b="passed", f__c="failed")
    assert not compare(before, report(f__a="passed", f__c="failed")).verified


def test_a_module_that_can_be_imported_again():
    before = report(**{"f.py": "error"})
    after = report(**{"f.py__a": "passed"})
    assert compare(before, after).fixed == {"f.py"}
    assert compare(before, after).verified
    assert not compare(before, report(**{"g.py__a": "passed"})).verified


def test_other_ends_are_not_verified():
    for status in ("timeout", "no-tests", "not-found"):
        assert not compare(None, report(status)).verified


def test_tests_with_other_parameters_did_not_vanish():
    before = replace(
        report("passed"), cases=(TestCase("t.py::a[1]", "passed"), TestCase("t.py::b", "passed"))
    )
    after = replace(before, cases=(TestCase("t.py::a[2]", "passed"),))
    groups = {group.reason: group.tests for group in summarise(before, after, compare(before, after)).not_run}
    assert groups["they ran with other parameters"] == ("t.py::a[1]",)
    assert groups["the edit removed them, or something keeps them from running"] == ("t.py::b",)


def test_a_suite_whose_hook_failed_is_fixed_by_its_tests():
    """Node names a suite only where it fails by itself."""
    before = report(**{"a.mjs > suite": "failed", "a.mjs > good": "passed"})
    after = {"a.mjs > good": "passed", "a.mjs > suite > one": "passed"}
    assert compare(before, report(**after)).verified
    assert not compare(before, report(**{**after, "a.mjs > suite > two": "failed"})).fixed


def test_a_run_that_hangs_or_breaks_off_behind_a_flaky_failure_is_not_verified():
    before = report(a="failed", f="failed", b="passed", c="passed")
    after = report(a="passed", f="failed")
    assert not compare(before, replace(after, status="timeout"), flaky=["f"]).verified
    assert not compare(before, after, flaky=["f"]).verified
    whole = report(a="passed", f="failed", b="passed", c="passed")
    assert compare(before, whole, flaky=["f"]).verified
    assert not compare(before, replace(whole, note=f"{BROKE_OFF}: it has no end"), flaky=["f"]).verified
    assert not compare(before, replace(whole, status="timeout"), flaky=["f"]).verified


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("example.org/m", "example.org/m.TestA"),
        ("tests.test_a", "tests.test_a.Case.test_b"),
        ("setUpClass (tests.test_a.Case)", "tests.test_a.Case.test_b"),
        ("tearDownModule (tests.test_a)", "tests.test_a.Case.test_b"),
        ('a.js > suite "before all" hook for "works"', "a.js > suite works"),
        ('a.js > "before each" hook: opens for "works"', "a.js > works"),
        ("api", "api::works"),
    ],
)
def test_what_failed_as_a_whole_is_fixed_by_its_tests(name, test):
    before = report(**{name: "error", "other": "passed"})
    fixed = compare(before, report(**{test: "passed", "other": "passed"}))
    assert (fixed.fixed, fixed.verified) == ({name}, True)
    for more in ({f"{test}2": "failed"}, {name: "error"}):
        assert not compare(before, report(**{test: "passed", "other": "passed", **more})).fixed
    assert not compare(before, report(other="passed")).verified


def test_a_title_is_no_prefix_of_another():
    before = report(**{"reads the file": "failed"})
    assert not compare(before, report(**{"reads the file.txt": "passed"})).verified
