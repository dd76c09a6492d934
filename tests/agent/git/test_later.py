"""What later commits did to the lines of one."""

from typing import Any

import pytest

from moot.agent.git.plumbing import Git
from moot.agent.git.repository import GitRepository
from tests.agent.git.conftest import git

TEXT = "one\ntwo\nthree\nfour\nfive\n"


@pytest.fixture
def published(root):
    (root / "a.py").write_text(f"before\n{TEXT}after\n")
    git(root, "commit", "-qam", "Publish")
    return git(root, "rev-parse", "HEAD")


def commit(root, text: str, message: str) -> str:
    (root / "a.py").write_text(text)
    git(root, "commit", "-qam", message)
    return git(root, "rev-parse", "HEAD")


def test_later_commits_oldest_first_and_only_those_in_its_files(root, published, tmp_path):
    (root / "c.txt").write_text("other\n")
    git(root, "commit", "-qam", "Elsewhere")
    first = commit(root, "x\n", "First")
    second = commit(root, "y\n", "Second\n\nbody")
    repository = GitRepository.open(root, tmp_path / "data")
    assert repository.changed_paths(published) == ["a.py"]
    later = repository.later(published, ["a.py"], 9)
    assert later is not None
    assert [(one.commit, one.message) for one in later] == [(first, "First"), (second, "Second\n\nbody")]
    assert later[0].seconds > 1_600_000_000


def test_a_commit_that_is_not_in_the_history(root, published, tmp_path):
    git(root, "reset", "-q", "--hard", "HEAD~1")
    repository = GitRepository.open(root, tmp_path / "data")
    assert repository.later(published, ["a.py"], 9) is None
    assert repository.later("0" * 40, ["a.py"], 9) is None
    assert repository.changed_paths("0" * 40) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"before\n{TEXT.replace('two', '2')}after\n", True),
        ("before\none\ntwo\nmore\nthree\nfour\nfive\nafter\n", True),
        ("before\none\ntwo\nfour\nfive\nafter\n", True),
        (f"earlier\n{TEXT}after\n", False),
        (f"before\n{TEXT}after\nlast\n", False),
        (f"first\nbefore\n{TEXT}after\n", False),
    ],
)
def test_which_commits_overwrite_its_lines(root, tmp_path, text, expected):
    (root / "a.py").write_text("before\nafter\n")
    git(root, "commit", "-qam", "Prepare")
    (root / "a.py").write_text(f"before\n{TEXT}after\n")
    git(root, "commit", "-qam", "Publish")
    published = git(root, "rev-parse", "HEAD")
    later = commit(root, text, "Change")
    repository = GitRepository.open(root, tmp_path / "data")
    assert repository.overwritten(published, later, ["a.py"]) is expected


def test_many_hunks_take_few_processes(root, tmp_path, monkeypatch):
    lines = [f"line {number}\n" for number in range(100)]
    (root / "a.py").write_text("".join(lines))
    git(root, "commit", "-qam", "Prepare")
    (root / "a.py").write_text("".join(lines) + "ours\n")
    git(root, "commit", "-qam", "Publish")
    published = git(root, "rev-parse", "HEAD")
    later = commit(
        root, "".join(f"other {line}" if n % 2 else line for n, line in enumerate(lines)) + "ours\n", "x"
    )
    repository = GitRepository.open(root, tmp_path / "data")
    ran: list[str] = []
    run = Git.run

    def counted(self: Git, *words: str, **more: Any) -> bytes:
        ran.append(words[0])
        return run(self, *words, **more)

    monkeypatch.setattr(Git, "run", counted)
    assert not repository.overwritten(published, later, ["a.py"])
    assert ran == ["blame", "diff-tree"]


def test_lines_left(root, published, tmp_path):
    some = commit(root, "before\none\nfive\nafter\n", "Shorten")
    git(root, "rm", "-q", "a.py")
    git(root, "commit", "-qm", "Remove")
    repository = GitRepository.open(root, tmp_path / "data")
    assert repository.lines_left(published, published, ["a.py"]) == 7
    assert repository.lines_left(published, some, ["a.py"]) == 4
    assert repository.lines_left(published, repository.head, ["a.py"]) == 0
