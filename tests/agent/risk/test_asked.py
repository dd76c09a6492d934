"""Which words of a task permit a change of tests, and which only mention tests."""

import pytest

from moot.agent.core.verification import IntegrityFlag
from moot.agent.risk.asked import mark_asked

WEAKENED = IntegrityFlag("tests/test_stats.py", 3, "weakened", "less", "test_mean")
EXPECTED = IntegrityFlag("tests/test_stats.py", 3, "expected", "other", "test_mean")
DELETED = IntegrityFlag("tests/test_stats.py", 3, "deleted", "gone", "test_mean")
SKIPPED = IntegrityFlag("tests/test_stats.py", 3, "skipped", "off", "test_mean")
CI = IntegrityFlag(".github/workflows/ci.yml", 1, "ci", "CI")
COVERAGE = IntegrityFlag(".coveragerc", 1, "coverage", "less")
RUNNER = IntegrityFlag("pytest.ini", 1, "runner", "other")
MOCKED = IntegrityFlag("tests/test_stats.py", 3, "mocked", "replaced", "test_mean")


@pytest.mark.parametrize(
    ("task", "flag"),
    [
        ("Round to two digits and update the tests", EXPECTED),
        ("Update mean() and its tests", EXPECTED),
        ("Rename mean to average in the code as well as the tests: change the tests too", WEAKENED),
        ("The test is wrong: the mean of 1 and 2 is 1.5", EXPECTED),
        ("The expectations in tests/test_stats.py are outdated", EXPECTED),
        ("Adjust test_mean to the new rounding", EXPECTED),
        ("Remove the obsolete tests of mean", DELETED),
        ("Delete test_mean", DELETED),
        ("drop tests/test_stats.py::test_mean", DELETED),
        ("Skip test_mean until the parser is rewritten", SKIPPED),
        ("Disable the flaky tests", SKIPPED),
        ("Add a CI workflow that runs the tests", CI),
        ("Pin the actions in .github/workflows/ci.yml", CI),
        ("Lower the coverage threshold to 80", COVERAGE),
        ("Change the pytest settings to ignore docs", RUNNER),
        ("Move addopts to pytest.ini", RUNNER),
        ("Update the parser and the parser tests", EXPECTED),
        ("Change the parser together with its unit tests", EXPECTED),
        ("Refactor mean and test data", EXPECTED),
        ("Mock the network", MOCKED),
        ("Fix the build pipeline", CI),
        ("Update the GitHub workflow", CI),
        ("Pin the actions in ci.yml: it does not run on forks", CI),
        ("Fix the parser: the tests are simply wrong", EXPECTED),
        ("Change the parser and the tests that have old names", EXPECTED),
        ("Update the tests as they are outdated", EXPECTED),
        ("Put strict markers into pytest.ini, as it is too lax", RUNNER),
        ("Add Python 3.13 to ci.yml and leave the rest as is", CI),
        ("Pin the actions in ci.yml, and do not touch anything else", CI),
        ("Pin the actions; don't change any file but .github/workflows/ci.yml", CI),
    ],
)
def test_asked(task, flag):
    assert mark_asked([flag], task)[0].asked


@pytest.mark.parametrize(
    ("task", "flag"),
    [
        ("mean() divides by the wrong number", WEAKENED),
        ("Fix the failing test tests/test_stats.py::test_mean", WEAKENED),
        ("Fix the failing tests", DELETED),
        ("Make the tests pass", SKIPPED),
        ("Make test_mean pass", EXPECTED),
        ("Change mean() so that the tests pass", EXPECTED),
        ("Change the code and the tests should pass", EXPECTED),
        ("Add tests for mean()", WEAKENED),
        ("Update the tests", DELETED),
        ("Update the tests", SKIPPED),
        ("Remove test_other", DELETED),
        ("Update test_other.py", EXPECTED),
        ("Do not change the tests. Update the docs of the tests", EXPECTED),
        ("Update the tests of the parser, without touching any test of mean", EXPECTED),
        ("Make CI green", CI),
        ("CI fails since the last commit, fix the bug", CI),
        ("The tests update the database and remove users", EXPECTED),
        ("Skip blank lines in the parser", SKIPPED),
        ("Ignore comments when the file is read", SKIPPED),
        ("Remove the unused import", DELETED),
        ("Refactor the parser and run tests.", WEAKENED),
        ("Refactor the parser and run tests.", MOCKED),
        ("Change the timeout to 5 and check tests.", WEAKENED),
        ("Update the parser and test it", WEAKENED),
        ("Replace the network with test doubles", WEAKENED),
        ("Replace the network with test doubles", MOCKED),
        ("Patch the server so that f works", MOCKED),
        ("Fix the pipeline class", CI),
        ("Write a workflow engine", CI),
        ("Fix the bug. Do not touch .github/workflows/ci.yml", CI),
        ("Fix the bug, but don\u2019t edit .github/workflows/ci.yml", CI),
        ("Fix the bug without changing ci.yml", CI),
        ("ci.yml must not be changed. Pin the actions in ci.yml", CI),
        ("Fix the bug and leave pytest.ini alone", RUNNER),
        ("Fix the bug; pytest.ini stays as it is", RUNNER),
        ("Fix the bug; pytest.ini stays as it is for now", RUNNER),
        ("Fix the bug and leave everything else, ci.yml too, alone", CI),
        ("Fix the bug and leave all other files, like ci.yml, as they are", CI),
        ("Fix the bug and leave other settings alone, such as pytest.ini", RUNNER),
        ("Fix the bug and do not change any file but stats.py, ci.yml least of all", CI),
        ("Do not change the pytest settings", RUNNER),
        ("Fix the bug without lowering the coverage", COVERAGE),
        ("The tests are not wrong, the code is", EXPECTED),
        ("Don't assume that the tests are wrong", EXPECTED),
        ("I do not think the tests are outdated", WEAKENED),
        ("Refactor the parser and the tests need to stay green", EXPECTED),
        ("Refactor the parser and existing tests continue to pass", WEAKENED),
        ("Refactor the parser and all unit tests remain unchanged", WEAKENED),
        ("Refactor the parser and the test suite has to pass", WEAKENED),
        ("Change the parser and the tests are to stay as they are", EXPECTED),
    ],
)
def test_not_asked(task, flag):
    assert not mark_asked([flag], task)[0].asked


def test_a_setting_permits_everything():
    assert all(flag.asked for flag in mark_asked([WEAKENED, CI, SKIPPED], "Fix it", allow_all=True))


def test_a_long_task_is_read_in_time():
    assert not mark_asked([EXPECTED], "update " + "a_b/" * 40_000)[0].asked
