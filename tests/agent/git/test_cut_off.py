"""SIGKILL before each single step by which a publication, or an undo, changes anything on the disk."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moot.agent.core.choices import ApplyMode
from moot.agent.core.types import FileChange
from moot.agent.git.repository import GitRepository
from tests.agent.git.conftest import git
from tests.agent.git.test_repository import change, commit, snapshot

_STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink"}
_COMMANDS = {"update-ref", "unpack-objects", "update-index"}

Act = Callable[[GitRepository], object]


def is_step(event: str, arguments: tuple[Any, ...]) -> bool:
    """Tell whether an audit event is about to change something, or to start a program that does."""
    if event == "subprocess.Popen":
        return bool(_COMMANDS & set(arguments[1]))
    return event in _STEPS


def perform(root: Path, data: Path, act: Act, last: int) -> int:
    """Act in a child that is killed before step `last`; return how many steps it began, or -1 if killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        repository, count = GitRepository.open(root, data), 0

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal count
            if is_step(event, arguments):
                count += 1
                if count == last:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        act(repository)
        os.write(writer, str(count).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as stream:
        return int(stream.read() or -1)


def visible(root: Path) -> dict[str, Any]:
    """What a person sees, without ids that hold a time."""
    files = {path: state for path, state in snapshot(root).items() if not path.startswith(".git/")}
    refs = git(root, "for-each-ref", "--format=%(refname) %(tree) %(parent)")
    return {"files": files, "refs": refs, "status": git(root, "status", "--porcelain", "-uall")}


class Stage:
    """A repository with the user's unsaved work, which can be put back to where it was."""

    def __init__(self, folder: Path) -> None:
        self.root, self.data = folder / "repo", folder / "data"
        self._copies = [(self.root, folder / "repo.copy"), (self.data, folder / "data.copy")]

    def keep(self) -> None:
        for place, copy in self._copies:
            shutil.copytree(place, copy, symlinks=True)

    def reset(self) -> None:
        for place, copy in self._copies:
            shutil.rmtree(place)
            shutil.copytree(copy, place, symlinks=True)


def publisher(head: str, new: str, mode: str) -> Act:
    return lambda repository: repository.publish("run-1", head, new, ApplyMode(mode), "a model")


def undoer(repository: GitRepository) -> object:
    return repository.undo("run-1")


def swap(repository: GitRepository) -> str:
    """A file becomes a folder, and a folder a file."""
    gone = [change(repository, path, None) for path in ("a.py", "pkg/b.py")]
    return commit(repository, *gone, *[FileChange(path, None, b"N = 1\n") for path in ("a.py/n.py", "pkg")])


@pytest.fixture(
    params=[
        *("commit", "branch", "worktree", "undo commit", "undo with a revert", "undo worktree"),
        *("swap commit", "swap worktree", "undo swap commit", "undo swap worktree"),
    ]
)
def stage(request, root, tmp_path) -> tuple[Stage, Act]:
    data = tmp_path / "data"
    repository = GitRepository.open(root, data)
    new = commit(
        repository,
        change(repository, "a.py", b"A = 2\n"),
        change(repository, "pkg/b.py", None),
        FileChange("new/n.py", None, b"N = 1\n"),
    )
    if "swap" in request.param:
        new = swap(repository)
    mode = next((way for way in ("branch", "worktree") if way in request.param), "commit")
    act = publisher(repository.head, new, mode) if not request.param.startswith("undo") else undoer
    if act is undoer:
        publisher(repository.head, new, mode)(repository)
    if "revert" in request.param:
        git(root, "commit", "-q", "--allow-empty", "-m", "later")
    (root / "c.txt").write_text("mine, unsaved\n")
    (root / "untracked").write_text("mine\n")
    result = Stage(tmp_path)
    result.keep()
    return result, act


def test_killed_before_every_step(stage):
    """At once, or when the next command has opened it, all is as before or as after; a second try ends it."""
    target, act = stage
    before = visible(target.root)
    steps = perform(target.root, target.data, act, 0)
    after = visible(target.root)
    assert before != after
    assert steps > 5
    outcomes: set[str] = set()
    for last in range(1, steps + 1):
        target.reset()
        assert perform(target.root, target.data, act, last) == -1
        at_once = visible(target.root)
        repository = GitRepository.open(target.root, target.data)
        settled = visible(target.root)
        assert settled in (before, after), last
        if at_once in (before, after):
            assert settled in (at_once, after), last
        else:
            assert settled == after, last
        outcomes.add("before" if settled == before else "after")
        if settled == before:
            act(repository)
        assert visible(target.root) == after, last
        assert not list((target.root / ".git").rglob("*.lock")), last
        assert not (target.root / ".git" / "moot").exists(), last
    assert "error" not in git(target.root, "fsck", "--strict", "--no-dangling")
    assert outcomes == {"before", "after"}
