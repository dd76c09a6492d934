"""Tests that are gone from a run, whatever became of their files."""

from dataclasses import replace

import pytest

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.verify.vanished import lost, vanished

PYTEST = ("tests/test_a.py::test_one", "tests/test_a.py::test_two", "tests/test_b.py::test_b")


def report(*ids: str, path: str = "", skipped: tuple[str, ...] = ()) -> TestReport:
    cases = [TestCase(each, "passed", path=path) for each in ids]
    cases += [TestCase(each, "skipped", path=path) for each in skipped]
    return TestReport("test", "passed", 0, 1.0, tuple(cases))


def test_a_test_that_stops_running_though_its_file_is_as_it_was_has_vanished():
    before = report("a.py::t", "b.py::t")
    after = replace(before, cases=before.cases[:1])
    assert vanished(before, after, ()) == (before.cases[1].id,)
    assert vanished(before, after, ("b.py",)) == ()


def test_a_skipped_test_has_vanished():
    before = replace(report(), cases=(TestCase("t.py::a", "passed"), TestCase("t.py::b", "passed")))
    after = replace(before, cases=(TestCase("t.py::a", "passed"), TestCase("t.py::b", "skipped")))
    assert vanished(before, after, ()) == ("t.py::b",)


def test_parameters_may_come_and_go():
    before = replace(report(), cases=(TestCase("t.py::a[1]", "passed"), TestCase("t.py::a[2]", "passed")))
    after = replace(before, cases=(TestCase("t.py::a[3]", "failed"),))
    assert vanished(before, after, ()) == ()


def test_without_single_outcomes_nothing_is_said_to_have_vanished():
    before = replace(report(), cases=(TestCase("t.py::a", "passed"),))
    assert vanished(before, report(), ()) == ()
    assert vanished(None, before, ()) == ()


def test_a_file_that_is_renamed_so_that_it_is_not_collected_has_lost_its_tests():
    after = report(PYTEST[2])
    assert lost(report(*PYTEST), after, ("tests/test_a.py", "tests/a_helper.py")) == PYTEST[:2]
    assert lost(report(*PYTEST), after, ("tests/test_b.py",)) == ()


def test_tests_that_move_or_are_renamed_are_not_lost():
    before, touched = report(*PYTEST), ("tests/test_a.py", "tests/unit/test_a.py")
    moved = [each.replace("tests/", "tests/unit/") for each in PYTEST[:2]]
    assert lost(before, report(*moved, PYTEST[2]), touched) == ()
    renamed = [each.replace("one", "first") for each in PYTEST]
    assert lost(before, report(*renamed), touched) == ()


def test_new_tests_elsewhere_do_not_stand_for_lost_ones():
    after = report("tests/test_new.py::test_true", "tests/test_new.py::test_more", PYTEST[2])
    assert lost(report(*PYTEST), after, ("tests/test_a.py", "tests/test_new.py")) == PYTEST[:2]


def test_a_skipped_test_of_a_touched_file_is_lost_beside_a_new_one():
    after = report(PYTEST[0], "tests/test_a.py::test_new", PYTEST[2], skipped=PYTEST[1:2])
    assert lost(report(*PYTEST), after, ("tests/test_a.py",)) == PYTEST[1:2]


def test_what_is_known_to_be_gone_is_not_told_again():
    assert lost(report(*PYTEST), report(*PYTEST[1:]), ("tests/test_a.py",), PYTEST[:1]) == ()


def test_a_file_that_fails_as_a_whole_has_lost_nothing():
    after = replace(report(PYTEST[2]), status="failed")
    after = replace(after, cases=(*after.cases, TestCase("tests/test_a.py", "error")))
    assert lost(report(*PYTEST), after, ("tests/test_a.py",)) == ()


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("pkg/a_test.go", "example.org/mod/pkg.TestA", "example.org/mod/pkg.TestB"),
        ("tests/a.rs", "a::case", "b::other"),
        ("src/lib.rs", "stats::tests::averages", "stats::tests_of_more::adds"),
        ("src/a.test.ts", "src/a.test.ts > mean > averages", "src/b.test.ts > mean > other"),
    ],
)
def test_each_framework_s_ids(path, before, after):
    elsewhere = f"more/{path}"
    new = replace(report(after), cases=(TestCase(after, "passed", path=elsewhere),))
    assert lost(report(before, path=path), new, (path, elsewhere)) == (before,)
    assert lost(report(before, path=path), report(after, path=path), (path,)) == ()


def test_subtests_of_go_are_parameters():
    before = report("m/p.TestA", "m/p.TestA/1.5", path="p/a_test.go")
    after = report("m/p.TestA", "m/p.TestA/2", path="p/a_test.go")
    assert lost(before, after, ("p/a_test.go",)) == ()
    assert lost(before, report("m/p.TestB", path="p/b_test.go"), ("p/a_test.go",)) == ("m/p.TestA/1.5",)


def test_a_module_of_rust_that_is_not_declared_any_more():
    """The report names the crate's root, which the edit touches, and not the file of the tests."""
    before = report("stats::near::tests::a", "stats::far::tests::b", path="src/lib.rs")
    after = report("stats::near::tests::a", path="src/lib.rs")
    assert lost(before, after, ("src/lib.rs",)) == ("stats::far::tests::b",)
    assert lost(before, after, ("src/far.rs",)) == ("stats::far::tests::b",)
    assert vanished(before, after, ("README.md",)) == ("stats::far::tests::b",)
