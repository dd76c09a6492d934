import os
import shutil
import tempfile
from pathlib import Path

import pytest

from moot.agent.core.errors import UsageError
from moot.agent.git.discover import find
from moot.agent.git.repository import GitRepository
from tests.agent.git.conftest import git


def explain(path: Path, tmp_path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        GitRepository.open(path, tmp_path / "data")
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_missing_path(tmp_path):
    assert "does not exist" in explain(tmp_path / "no", tmp_path)


def test_a_name_that_is_too_long(tmp_path):
    assert "cannot be opened (File name too long)" in explain(tmp_path / ("x" * 300), tmp_path)


@pytest.mark.parametrize("below", ["", "repo"])
def test_a_folder_that_may_not_be_searched(below):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "repo").mkdir()
        Path(folder).chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(UsageError, match=r"cannot be opened \(Permission denied\)"):
                find(Path(folder) / below)
        finally:
            os.seteuid(user)
            Path(folder).chmod(0o700)


def test_a_file_is_no_repository(root, tmp_path):
    assert "not a folder" in explain(root / "a.py", tmp_path)


def test_not_a_repository(tmp_path):
    (tmp_path / "plain").mkdir()
    assert "git init" in explain(tmp_path / "plain", tmp_path)


def test_bare_repository(root, tmp_path):
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")
    assert "bare repository: clone it" in explain(tmp_path / "bare.git", tmp_path)


def test_unborn_branch(tmp_path):
    git(tmp_path, "init", "-q", "empty")
    assert "no commit yet" in explain(tmp_path / "empty", tmp_path)


def test_inside_the_git_directory(root, tmp_path):
    assert "--repo" in explain(root / ".git" / "refs", tmp_path)


def test_git_is_missing(root, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install git" in explain(root, tmp_path)


def test_git_is_old(root, tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho git version 2.20.1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    assert "too old" in explain(root, tmp_path)


def test_another_owner(root, tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    real = shutil.which("git")
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in *is-bare*) echo "fatal: detected dubious ownership" >&2; exit 128;; '
        f'*) exec {real} "$@";; esac\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    assert "safe.directory" in explain(root, tmp_path)


def test_working_tree_elsewhere(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    git(root, "config", "core.worktree", str(tmp_path / "elsewhere"))
    assert "--repo" in explain(root, tmp_path)


def test_subfolder_branch_and_head(root, tmp_path):
    found = GitRepository.open(root / "pkg", tmp_path / "data")
    assert (found.root, found.branch) == (root, "main")
    assert found.head == git(root, "rev-parse", "HEAD")


def test_detached_head(root, tmp_path):
    git(root, "checkout", "-q", "--detach")
    assert GitRepository.open(root, tmp_path / "data").branch is None


def test_linked_worktree_shares_the_private_directory(root, tmp_path):
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = GitRepository.open(tmp_path / "side", tmp_path / "data")
    GitRepository.open(root, tmp_path / "data")
    assert (side.root, side.branch) == (tmp_path / "side", "side")
    assert len(list((tmp_path / "data" / "repos").iterdir())) == 1


def test_borrowed_objects_are_found(root, tmp_path):
    for source, name in ((root, "second"), (tmp_path / "second", "third")):
        git(tmp_path, "clone", "-q", "--shared", str(source), name)
    third = GitRepository.open(tmp_path / "third", tmp_path / "data")
    assert b"A = 1\n" in [third.read(entry.blob) for entry in third.files(third.head)]


def test_a_repository_made_anew_in_another_object_format(root, tmp_path):
    GitRepository.open(root, tmp_path / "data")
    shutil.rmtree(root / ".git")
    git(root, "init", "-q", "--object-format=sha256")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    found = GitRepository.open(root, tmp_path / "data")
    assert b"A = 1\n" in [found.read(entry.blob) for entry in found.files(found.head)]


def test_callers_git_variables_do_not_lead_astray(root, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere"))
    assert GitRepository.open(root, tmp_path / "data").root == root
