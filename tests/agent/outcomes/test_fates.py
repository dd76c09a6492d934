"""Fates from the history of a real repository."""

import time

import pytest

from moot.agent.core.outcomes import Fate
from moot.agent.git.repository import GitRepository
from moot.agent.outcomes.fates import settle_open
from moot.agent.outcomes.store import FILE, OutcomeStore
from moot.agent.risk.past import is_fix, is_revert
from tests.agent.outcomes.logged import DAY, outcome
from tests.agent.projects import BUGGY, FIXED, git, make_repository

NOW = int(time.time())


@pytest.fixture
def repo(tmp_path):
    """A repository whose last commit was published by a run."""
    root = make_repository(tmp_path / "repo")
    (root / "stats.py").write_text(FIXED)
    git(root, "commit", "-qam", "Divide by the right number")
    return root


def change(repo, text: str, message: str, name: str = "stats.py") -> None:
    (repo / name).write_text(text)
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", message)


@pytest.fixture
def fate(repo, tmp_path):
    """Return what is found out about the published commit so many days later."""
    published = git(repo, "rev-parse", "HEAD")

    def find(days: int = 1) -> Fate:
        with OutcomeStore(tmp_path / "data" / FILE) as store:
            store.add(outcome(root=str(repo), commit=published, at=NOW - 60))
            past = GitRepository.open(repo, tmp_path / "data")
            settle_open(store, past, str(repo), (is_fix, is_revert), NOW + days * DAY)
            (one,) = store.all()
        return one.fate

    return find


def test_it_is_open_first_and_kept_after_a_month(fate):
    assert fate(1) is Fate.OPEN
    assert fate(31) is Fate.KEPT


def test_a_revert_names_it(repo, fate):
    git(repo, "revert", "--no-edit", "HEAD")
    assert fate() is Fate.REVERTED


def test_a_commit_that_takes_all_its_lines_back_and_says_so(repo, fate):
    change(repo, BUGGY, "Roll back the new mean")
    assert fate() is Fate.REVERTED


def test_a_commit_that_only_says_that_it_takes_something_back(repo, fate):
    change(repo, "x = 1\n", "Revert the plan", "other.py")
    assert fate() is Fate.OPEN
    assert fate(31) is Fate.KEPT


def test_a_fix_of_its_lines(repo, fate):
    change(repo, FIXED.replace("len(values)", "max(1, len(values))"), "Fix the mean of nothing")
    assert fate() is Fate.FIXED


def test_a_fix_elsewhere_in_its_file_is_not_its_fault(repo, fate):
    change(repo, f"{FIXED}\n\ndef total(values):\n    return sum(values)\n", "Fix a missing function")
    assert fate(31) is Fate.KEPT


def test_a_change_of_its_lines_that_fixes_nothing(repo, fate):
    change(repo, FIXED.replace("values", "numbers"), "Rename an argument")
    assert fate(31) is Fate.KEPT


def test_a_fix_that_comes_too_late(repo, tmp_path):
    published = git(repo, "rev-parse", "HEAD")
    change(repo, FIXED.replace("len(values)", "max(1, len(values))"), "Fix the mean of nothing")
    with OutcomeStore(tmp_path / "data" / FILE) as store:
        store.add(outcome(root=str(repo), commit=published, at=NOW - 40 * DAY))
        past = GitRepository.open(repo, tmp_path / "data")
        settle_open(store, past, str(repo), (is_fix, is_revert), NOW)
        assert store.all()[0].fate is Fate.KEPT


def test_a_commit_that_left_the_history_is_lost_in_the_end(repo, fate):
    git(repo, "reset", "-q", "--hard", "HEAD~1")
    assert fate(1) is Fate.OPEN
    assert fate(31) is Fate.LOST


def test_an_edit_without_a_commit(repo, tmp_path):
    with OutcomeStore(tmp_path / "data" / FILE) as store:
        store.add(outcome(root=str(repo), at=NOW))
        past = GitRepository.open(repo, tmp_path / "data")
        assert settle_open(store, past, str(repo), (is_fix, is_revert), NOW + DAY) == 0
        assert settle_open(store, past, str(repo), (is_fix, is_revert), NOW + 31 * DAY) == 1
        assert store.all()[0].fate is Fate.LOST
