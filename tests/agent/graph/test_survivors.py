"""Which candidates fix the failing tests, in a warm pytest and in runs of their own: real git and sandbox."""

import asyncio
from types import SimpleNamespace

from moot.agent.core import events as e
from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.config import Settings
from moot.agent.core.messages import Usage
from moot.agent.core.types import Candidate, FileChange, FileDelta, Patch, Task
from moot.agent.git.repository import GitRepository
from moot.agent.graph.deps import Deps
from moot.agent.graph.limits import Limits
from moot.agent.graph.survivors import find_survivors
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.agent.projects import BUGGY, FIXED, PYTEST, TASK, make_repository

SHARED = """\
import time

import pytest
from stats import mean


@pytest.fixture(scope="module")
def served():
    time.sleep(2.6)


def test_first(served):
    assert True


def test_mean(served):
    assert mean([1, 2, 3]) == 2
"""
CASES = (
    TestCase("test_stats.py::test_first", "passed", seconds=1.0),
    TestCase("test_stats.py::test_mean", "failed", seconds=0.0),
)
HANGS = "def mean(values):\n    while True:\n        pass\n"
WRONG = BUGGY.replace("- 1", "- 2"), BUGGY.replace("- 1", "- 3")


def test_set_up_that_counts_as_another_tests_rejects_no_candidate(tmp_path):
    """The failing test takes no time on the base, and longer than is allowed where it runs alone.

    What hangs does so no longer than a few times the whole suite.
    """
    repo = make_repository(tmp_path / "repo", {"stats.py": BUGGY, "test_stats.py": SHARED})
    repository = GitRepository.open(repo, tmp_path / "data")
    settings = Settings(data_dir=tmp_path / "data", survivors=1)
    seen: list[e.Event] = []
    deps = Deps(
        settings=settings,
        repository=repository,
        index=None,
        packer=None,
        client=None,
        runner=TestRunner(choose("auto"), repo, settings.test_timeout),
        generation=None,
        limits=Limits(settings, Usage),
        emit=seen.append,
        folder=tmp_path / "run",
        council=None,
    )
    [blob] = [entry.blob for entry in repository.files(repository.head, ["stats.py"])]
    delta = (FileDelta("stats.py", 1, 1, existed=True, exists=True),)
    texts = {"hangs": HANGS, "right": FIXED, "wrong": WRONG[0], "other": WRONG[1]}
    patches = {name: Patch((FileChange("stats.py", blob, text.encode()),)) for name, text in texts.items()}
    commits = {name: repository.commit(repository.head, patch, name) for name, patch in patches.items()}
    candidates = tuple(Candidate(name, commit, "chat", "", deltas=delta) for name, commit in commits.items())
    state = {
        "task": Task(TASK),
        "base": repository.head,
        "test_command": PYTEST,
        "before": TestReport(PYTEST, "failed", 1, 1.0, CASES),
        "candidates": candidates,
    }
    survivors = asyncio.run(find_survivors(state, deps))
    assert [first.id for first, *_ in survivors] == ["right"]
    assert any(isinstance(event, e.Notice) and "in one process" in event.text for event in seen)
    assert [event.candidate for event in seen if isinstance(event, e.CandidateRejected)] == ["hangs"]
    hung = deps.reports[commits["hangs"], frozenset({"test_stats.py::test_mean"})]
    assert (hung.status, hung.seconds < 20) == ("timeout", True)


def test_one_that_was_chosen_as_it_is_is_joined_with_no_other():
    """What an argument left out for want of time is not tested after it, without any bound."""
    chosen, other = Candidate("chosen", "a", "chat", ""), Candidate("other", "b", "chat", "")
    judged, partial = {"a": SimpleNamespace(verified=True)}, {frozenset({"test_high"}): other}
    deps = SimpleNamespace(runner=object(), judged=judged, partial=partial)
    assert asyncio.run(find_survivors({"candidates": (chosen,)}, deps)) == [(chosen,)]
