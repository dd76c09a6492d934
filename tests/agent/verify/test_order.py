"""Which tests run first, and which more fit into a budget."""

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.verify.order import order, within


def report(*cases: TestCase, seconds: float = 10.0) -> TestReport:
    return TestReport("", "passed", 0, seconds, cases)


def case(name: str, outcome: str = "passed", path: str = "", seconds: float = 1.0) -> TestCase:
    return TestCase(name, outcome, path=path, seconds=seconds)


SUITE = report(*(case(f"test_{letter}.py::test") for letter in "abcdef"))


def test_tests_of_files_that_depend_on_the_edit_come_first():
    steps = order(SUITE, {"b.py", "test_b.py"}, ())
    assert steps is not None
    assert steps.first == ("test_b.py::test",)
    assert len(steps.rest) == 5


def test_tests_that_were_seen_to_execute_the_edit_come_first_whatever_they_import():
    steps = order(SUITE, {"b.py"}, {"test_e.py::test"})
    assert steps is not None
    assert steps.first == ("test_e.py::test",)


def test_what_failed_before_comes_first():
    before = report(*SUITE.cases, case("test_z.py::test", "failed"))
    steps = order(before, (), ())
    assert steps is not None
    assert steps.first == ("test_z.py::test",)


def test_tests_of_go_are_in_the_package_of_what_they_test():
    before = report(*(case(f"x/{name}.Test", path=f"{name}/{name}_test.go") for name in "abc"))
    steps = order(before, {"a/a.go"}, ())
    assert steps is not None
    assert steps.first == ("x/a.Test",)


def test_a_quick_suite_runs_whole():
    assert order(report(*SUITE.cases, seconds=1.0), {"test_b.py"}, ()) is None
    assert order(report(*SUITE.cases, seconds=1.0), {"test_b.py"}, (), always=True) is not None


def test_where_nothing_or_most_is_affected_the_suite_runs_whole():
    assert order(SUITE, {"z.py"}, ()) is None
    assert order(SUITE, {f"test_{letter}.py" for letter in "abcd"}, ()) is None
    assert order(report(), {"test_a.py"}, ()) is None


def test_quick_tests_fit_first():
    before = report(case("slow", seconds=5), case("quick", seconds=1), case("middle", seconds=2), seconds=8)
    assert within(before, ("slow", "quick", "middle"), 3.5) == (("quick", "middle"), ("slow",))


def test_what_a_runner_needs_beside_its_tests_counts():
    before = report(case("a"), case("b"), seconds=12)
    assert within(before, ("a", "b"), 11.5) == (("a",), ("b",))
    assert within(before, ("a", "b"), 9) == ((), ("a", "b"))
