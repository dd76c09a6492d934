"""The log as git has it: odd messages and paths, merges, and clones that lack the past."""

from moot.agent.core.types import PartialLog
from moot.agent.git.repository import GitRepository
from tests.agent.git.conftest import git


def test_commits_newest_first_with_what_they_changed(root, tmp_path):
    (root / "README").write_text("text\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Subject é\n\nbody \x01 12\nc.txt\n\n12345")
    git(root, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    (root / "README").write_text("more\n")
    (root / "a.py").write_text("A = 2\n")
    git(root, "commit", "-qam", "Say more")
    repository = GitRepository.open(root, tmp_path / "data")
    log = repository.log(repository.head, 4)
    assert [(commit.message, commit.paths) for commit in log] == [
        ("Say more", ("README", "a.py")),
        ("", ()),
        ("Subject é\n\nbody \x01 12\nc.txt\n\n12345", ("README",)),
        ("two", ("c.txt",)),
    ]
    assert log[0].seconds > 1_600_000_000


def test_merges_are_left_out(root, tmp_path):
    git(root, "checkout", "-q", "-b", "side", "HEAD~1")
    (root / "side.py").write_text("x = 1\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Side")
    git(root, "merge", "-q", "--no-edit", "main")
    repository = GitRepository.open(root, tmp_path / "data")
    assert sorted(commit.message for commit in repository.log(repository.head, 9)) == ["Side", "one", "two"]


def test_odd_paths(root, tmp_path):
    (root / "odd\nname é.py").write_text("x = 1\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Add")
    repository = GitRepository.open(root, tmp_path / "data")
    assert repository.log(repository.head, 1)[0].paths == ("odd\nname é.py",)


def test_a_shallow_clone_ends_where_it_ends(root, tmp_path):
    (root / "new.py").write_text("x = 1\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Add new.py")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    repository = GitRepository.open(tmp_path / "shallow", tmp_path / "data")
    log = repository.log(repository.head, 10)
    assert [commit.message for commit in log] == ["Add new.py"]
    assert isinstance(log, PartialLog)
    git(tmp_path / "shallow", "fetch", "-q", "--unshallow")
    repository = GitRepository.open(tmp_path / "shallow", tmp_path / "data")
    log = repository.log(repository.head, 10)
    assert len(log) > 1
    assert not isinstance(log, PartialLog)
