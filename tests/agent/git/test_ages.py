"""When lines were changed, as git tells it."""

import time

import pytest

from moot.agent.git.repository import GitRepository
from tests.agent.git.conftest import git


def test_each_line_has_the_time_of_its_last_change(root, tmp_path):
    path = "pkg/odd\nname é.py"
    (root / path).write_text("A = 1\nB = 1\nC = 1\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "three")
    first = int(git(root, "log", "-1", "--format=%ct"))
    (root / path).write_text("A = 1\nB = 2\nC = 1\nD = 1\n")
    while int(time.time()) <= first:  # git's times are whole seconds
        time.sleep(0.05)
    git(root, "commit", "-qam", "four")
    second = int(git(root, "log", "-1", "--format=%ct"))
    repository = GitRepository.open(root, tmp_path / "data")
    assert repository.ages(repository.head, path) == {1: first, 2: second, 3: first, 4: second}


@pytest.mark.parametrize("path", ["missing.py", "pkg", "../a.py", ":(glob)*.py", "--help"])
def test_what_is_no_file_has_none(root, tmp_path, path):
    repository = GitRepository.open(root, tmp_path / "data")
    assert repository.ages(repository.head, path) == {}
