"""How a candidate's tests are run: affected ones first, within a budget, flaky ones again."""

import asyncio
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.types import Candidate, FileDelta, Task
from moot.agent.core.verification import Reproduction
from moot.agent.graph.suite import affected_first, joined
from moot.agent.repair.localise import Localisation
from moot.agent.verify.compare import compare
from moot.agent.verify.status import BROKE_OFF
from tests.agent.projects import BUGGY, FIX, PYTEST, TASK, TEST, Agent, make_repository
from tests.scripted import Reply

COUNTER = """\
from pathlib import Path


def test_sometimes():
    place = Path(".pytest_cache/runs")
    place.parent.mkdir(exist_ok=True)
    runs = int(place.read_text()) if place.exists() else 0
    place.write_text(str(runs + 1))
    assert runs % 2 == 0
"""
SLOW = """\
import time

import pytest


@pytest.mark.parametrize("n", range(6))
def test_slow(n):
    time.sleep(0.5)
"""

READY = """\
import os


def test_ready():
    os.environ["READY"] = "1"
"""
NEEDS_READY = """\
import os

import stats


def test_after():
    assert "READY" in os.environ
"""
SKIPPED = """\
import pytest

import stats


@pytest.mark.skip
def test_later(): ...
"""
THRESHOLD = """\
import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if session.testscollected < 7 and not session.testsfailed:
        session.exitstatus = 2
"""
"""As `--cov-fail-under` ends, which some of the tests alone never reach."""


@pytest.fixture
def agent(tmp_path, serve):
    def make(answer: str) -> Agent:
        (tmp_path / "home").mkdir(exist_ok=True)
        return Agent(tmp_path / "home", serve(lambda request: Reply(answer), tools=False).base_url)

    return make


def selections(stdout: str) -> list[int]:
    events = [json.loads(line) for line in stdout.splitlines()]
    return [len(e["report"]["cases"]) for e in events if e["event"] == "TestsFinished" and e["candidate"]]


def test_a_flaky_test_neither_breaks_nor_fixes(tmp_path, agent):
    """It passes on the base, fails with the edit, then passes and fails by itself on the same files."""
    repo = make_repository(
        tmp_path / "repo", {"stats.py": BUGGY, "test_stats.py": TEST, "test_flaky.py": COUNTER}
    )
    outcome = agent(FIX).run(repo, test=PYTEST)
    assert outcome.exit_code == 0, outcome.stderr
    tests = outcome.result["tests"]
    assert tests["flaky"] == ["test_flaky.py::test_sometimes"]
    assert tests["broke"] == []
    assert tests["fixed"] == ["test_stats.py::test_mean"]


def test_affected_tests_run_first_then_all(tmp_path, agent):
    repo = make_repository(
        tmp_path / "repo", {"stats.py": BUGGY, "test_stats.py": TEST, "test_slow.py": SLOW}
    )
    outcome = agent(FIX)("run", TASK, "--repo", str(repo), "--test", PYTEST, "--output", "stream-json")
    assert outcome.exit_code == 0, outcome.stderr
    assert selections(outcome.stdout) == [2, 8]


def test_an_affected_test_that_fails_ends_it_early(tmp_path, agent):
    repo = make_repository(
        tmp_path / "repo", {"stats.py": BUGGY, "test_stats.py": TEST, "test_slow.py": SLOW}
    )
    wrong = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")
    outcome = agent(wrong)("run", TASK, "--repo", str(repo), "--test", PYTEST, "--output", "stream-json")
    assert outcome.exit_code == 1
    assert set(selections(outcome.stdout)) == {2}
    (group,) = json.loads(outcome.stdout.splitlines()[-1])["tests"]["not_run"]
    assert (group["reason"], group["count"]) == ("stopped early: what failed before fails still", 6)


def test_an_affected_test_that_is_flaky_ends_nothing_early(tmp_path, agent):
    files = {"stats.py": BUGGY, "test_stats.py": TEST, "test_slow.py": SLOW}
    repo = make_repository(tmp_path / "repo", files | {"test_flaky.py": f"import stats\n{COUNTER}"})
    outcome = agent(FIX).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    tests = outcome.result["tests"]
    assert tests["flaky"] == ["test_flaky.py::test_sometimes"]
    assert (tests["broke"], tests["complete"]) == ([], True)


@pytest.mark.parametrize(("options", "complete"), [((), True), (("--test-budget", "1"), False)])
def test_a_test_that_needs_others_before_it_ends_nothing_early(tmp_path, agent, options, complete):
    """It fails without them on the base, too: where there is no time for the whole suite, it is named."""
    files = {"stats.py": BUGGY, "test_stats.py": TEST, "test_slow.py": SLOW, "test_a.py": READY}
    repo = make_repository(tmp_path / "repo", files | {"test_z.py": NEEDS_READY})
    outcome = agent(FIX).run(repo, *options)
    assert outcome.exit_code == 0, outcome.stderr
    tests = outcome.result["tests"]
    assert (tests["broke"], tests["complete"]) == ([], complete)
    needing = [group["tests"] for group in tests["not_run"] if "without the tests" in group["reason"]]
    assert needing == ([] if complete else [["test_z.py::test_after"]])


def test_a_test_that_breaks_with_the_affected_ones_alone_ends_it_early(tmp_path, agent):
    """It passes by itself on the base, so the edit is what breaks it."""
    broken = "import stats\n\n\ndef test_old():\n    assert stats.mean([1, 1, 1]) == 1.5\n"
    files = {"stats.py": BUGGY, "test_stats.py": TEST, "test_slow.py": SLOW, "test_old.py": broken}
    repo = make_repository(tmp_path / "repo", files)
    outcome = agent(FIX).run(repo)
    assert outcome.exit_code == 1
    tests = outcome.result["tests"]
    assert tests["broke"] == ["test_old.py::test_old"]
    assert "stopped early: test_old.py::test_old broke" in [group["reason"] for group in tests["not_run"]]


@pytest.mark.parametrize(("start", "adopted"), [("base", ["base"]), ("start", [])])
def test_what_a_models_test_leaves_in_caches_on_the_base_is_not_kept(start, adopted):
    """The base has such a test where it is not what the run began with."""
    cases = tuple(TestCase(f"test_a.py::test_{n}", "passed") for n in range(9))
    before, broken = TestReport("pytest", "passed", 0, 9.0, cases), replace(cases[0], outcome="failed")
    kept, checked_out = [], []

    async def run(command, folder, only, seconds=None):
        ran = [broken if checked_out[-1] == "edit" and one == cases[0] else one for one in cases]
        failed = broken in ran
        status = "failed" if failed else "passed"
        return TestReport("pytest", status, int(failed), 1.0, tuple(one for one in ran if one.id in only))

    deps = SimpleNamespace(
        runner=SimpleNamespace(run=run),
        repository=SimpleNamespace(
            checkout=lambda commit, folder: checked_out.append(commit),
            adopt=lambda folder: kept.append(checked_out[-1]),
        ),
        index=SimpleNamespace(dependents=lambda paths: ()),
        limits=SimpleNamespace(check=lambda: None, seconds_left=1e4),
        settings=SimpleNamespace(test_budget=None),
        reports={},
        workspace=None,
        emit=lambda event: None,
        warn_once=lambda text: None,
    )
    executed = Localisation((), "", executed=(("a.py", (cases[0].id,)),))
    state = {
        "test_command": "pytest",
        "task": Task("Mend it"),
        "base": "base",
        "before": before,
        "localisation": executed,
        "reproduction": Reproduction(start, ()),
    }
    delta = FileDelta("a.py", 1, 1, existed=True, exists=True)
    ran = asyncio.run(affected_first(Candidate("edit", "edit", "chat", "", deltas=(delta,)), state, deps))
    assert ran.stopped == "stopped early: test_a.py::test_0 broke"
    assert kept == adopted


def test_affected_tests_that_are_all_skipped_end_nothing_early(tmp_path, agent):
    files = {"stats.py": BUGGY, "test_later.py": SKIPPED, "test_slow.py": SLOW}
    outcome = agent(FIX).run(make_repository(tmp_path / "repo", files))
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["tests"]["complete"] is True


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"conftest.py": THRESHOLD}, 0),
        ({"conftest.py": THRESHOLD, "test_stats.py": TEST}, 0),
        ({"check.py": "assert 'values) / len' not in open('stats.py').read()"}, 1),
    ],
)
def test_a_threshold_for_all_tests_is_none_for_some(tmp_path, agent, files, code):
    """But what the base passes, with some of the tests too, has to pass."""
    passing = {"test_stats.py": "import stats\n\n\ndef test_one():\n    assert stats\n"}
    files = {"stats.py": BUGGY, "test_slow.py": SLOW, "check.py": ""} | passing | files
    command = f"{PYTEST} && {sys.executable} check.py"
    outcome = agent(FIX).run(make_repository(tmp_path / "repo", files), "--test-budget", "1", test=command)
    assert outcome.exit_code == code, outcome.stderr
    assert outcome.result["tests"]["complete"] is False


def test_what_does_not_fit_into_the_budget_is_named(tmp_path, agent):
    repo = make_repository(
        tmp_path / "repo", {"stats.py": BUGGY, "test_stats.py": TEST, "test_slow.py": SLOW}
    )
    outcome = agent(FIX).run(repo, "--test-budget", "1")
    assert outcome.exit_code == 0, outcome.stderr
    tests = outcome.result["tests"]
    assert tests["complete"] is False
    assert tests["fixed"] == ["test_stats.py::test_mean"]
    assert [group["reason"] for group in tests["not_run"]] == ["time budget: 1 s for a candidate's tests"]
    assert all(name.startswith("test_slow.py") for name in tests["not_run"][0]["tests"])


def test_a_failed_suite_is_not_run_again_after_fusion(tmp_path, agent):
    repo = make_repository(tmp_path / "repo")
    wrong = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")
    outcome = agent(wrong)(
        "run", TASK, "--repo", str(repo), "--test", PYTEST, "--fusion", "always", "--output", "stream-json"
    )
    assert outcome.exit_code == 1
    assert selections(outcome.stdout) == [2]


def test_what_a_second_run_leaves_out_keeps_what_the_first_said():
    """Jest and Vitest name every test of a file, those that were not asked for as skipped."""

    def report(**outcomes: str) -> TestReport:
        cases = tuple(TestCase(name, outcome) for name, outcome in outcomes.items())
        return TestReport("npx jest", "passed", 0, 1.0, cases)

    whole = joined(report(x="passed", y="skipped"), report(x="skipped", y="passed", z="skipped"))
    assert {case.id: case.outcome for case in whole.cases} == {"x": "passed", "y": "passed", "z": "skipped"}


def test_two_runs_that_skip_everything_are_no_pass():
    skipped, passed = (TestCase("x", "skipped"),), (TestCase("y", "passed"),)
    first = TestReport("pytest", "no-tests", 0, 1.0, skipped)
    assert joined(first, first).status == "no-tests"
    assert joined(first, TestReport("pytest", "passed", 0, 1.0, passed)).status == "passed"


def test_that_one_of_two_runs_broke_off_is_not_forgotten():
    cases = (TestCase("x", "failed"),), (TestCase("y", "passed"),)
    first = TestReport("pytest", "failed", 1, 1.0, cases[0], note=BROKE_OFF)
    whole = joined(first, TestReport("pytest", "passed", 0, 1.0, cases[1]))
    assert whole.note == BROKE_OFF
    before = TestReport("pytest", "passed", 0, 1.0, cases[1])
    assert not compare(before, whole, flaky=("x",)).verified
