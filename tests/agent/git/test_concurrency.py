"""Many runs on one repository at once: none blocks, corrupts or loses another."""

import json
import multiprocessing
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from moot.agent.core.choices import ApplyMode
from moot.agent.core.errors import Refused
from moot.agent.core.types import FileChange, Patch
from moot.agent.git.repository import GitRepository
from tests.agent.git.conftest import git
from tests.agent.projects import BUGGY, FIX, TASK, Agent, make_repository
from tests.agent.zygote import Zygote
from tests.scripted import Reply, Request, ScriptedServer

RUNS = 32

Answer = tuple[int, str, str]

pytestmark = pytest.mark.timeout(600)


def make(path: Path, count: int) -> Path:
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    for number in range(count):
        (path / f"f{number}.txt").write_text("before\n")
    git(path, "add", "-A")
    git(path, "commit", "-qm", "start")
    return path


def publish_one(
    root: Path, data: Path, number: int, mode: str, path: str, start: Barrier, answers: Any
) -> None:
    """One process: propose an edit, wait for all others, publish."""
    repository = GitRepository.open(root, data)
    blobs = {entry.path: entry.blob for entry in repository.files(repository.head)}
    patch = Patch((FileChange(path, blobs[path], f"run {number}\n".encode()),))
    commit = repository.commit(repository.head, patch, f"run {number}")
    start.wait()
    try:
        publication = repository.publish(f"run-{number}", repository.head, commit, ApplyMode(mode))
        answers.put((number, "done", publication.commit))
    except Refused as exc:
        answers.put((number, "refused", str(exc)))


def publish_all(root: Path, data: Path, plans: list[tuple[str, str]]) -> list[Answer]:
    """Publish (mode, path) plans, each in a process of its own, all at the same moment."""
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(len(plans)), context.Queue()
    processes = [
        context.Process(target=publish_one, args=(root, data, number, mode, path, start, answers))
        for number, (mode, path) in enumerate(plans)
    ]
    for process in processes:
        process.start()
    found = [answers.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    return sorted(found)


def sound(root: Path, data: Path) -> None:
    assert "error" not in git(root, "fsck", "--strict", "--no-dangling")
    (home,) = (data / "repos").iterdir()
    assert "error" not in git(home / "git", "fsck", "--strict", "--no-dangling")
    assert not list((root / ".git").rglob("*.lock"))
    assert not list((home / "git").rglob("*.lock"))
    assert not (root / ".git" / "moot").exists()
    assert not list((home / "pending").glob("*"))


def test_commits_to_one_file_at_once(tmp_path):
    """One lands; the others are told how to bring theirs in, and keep it."""
    root, data = make(tmp_path / "repo", 1), tmp_path / "data"
    base = git(root, "rev-parse", "HEAD")
    answers = publish_all(root, data, [("commit", "f0.txt")] * 8)
    done = [answer for answer in answers if answer[1] == "done"]
    ((winner, _, commit),) = done
    assert git(root, "rev-list", f"{base}..main").split() == [commit]
    assert (root / "f0.txt").read_text() == f"run {winner}\n"
    assert git(root, "status", "--porcelain") == ""
    for number, status, text in answers:
        assert status == "done" or f"agent run --resume run-{number} --apply branch" in text
    sound(root, data)


def test_every_way_to_publish_at_once(tmp_path):
    root, data = make(tmp_path / "repo", RUNS), tmp_path / "data"
    base = git(root, "rev-parse", "HEAD")
    modes = ["commit", "branch", "patch", "worktree"]
    answers = publish_all(root, data, [(modes[n % 4], f"f{n}.txt") for n in range(RUNS)])
    assert [status for _, status, _ in answers] == ["done"] * RUNS
    by_mode = {mode: range(start, RUNS, 4) for start, mode in enumerate(modes)}
    assert len(git(root, "rev-list", f"{base}..main").split()) == RUNS // 4
    for number in by_mode["branch"]:
        assert git(root, "show", f"moot/run-{number}:f{number}.txt") == f"run {number}"
    for number in by_mode["patch"]:
        git(root, "apply", "--check", str(data / "runs" / f"run-{number}" / "changes.patch"))
    assert git(root, "status", "--porcelain").split("\n") == [
        f" M f{number}.txt" for number in sorted(by_mode["worktree"], key=str)
    ]
    sound(root, data)


def test_while_the_user_commits(tmp_path):
    """The user's own commits and the runs' end in one line of history, without loss."""
    root, data = make(tmp_path / "repo", RUNS), tmp_path / "data"
    base = git(root, "rev-parse", "HEAD")
    mine: list[str] = []

    def commit_mine() -> None:
        for number in range(8):
            (root / f"mine{number}").write_text("mine\n")
            for command in (("add", f"mine{number}"), ("commit", "-qm", f"mine {number}")):
                while subprocess.run(
                    ["git", "-c", "user.name=u", "-c", "user.email=u@e", *command], cwd=root, check=False
                ).returncode:
                    time.sleep(0.01)  # git does not wait for the index either
            mine.append(git(root, "log", "-1", "--format=%H", "--grep", f"^mine {number}$"))

    with ThreadPoolExecutor(1) as pool:
        user = pool.submit(commit_mine)
        answers = publish_all(root, data, [("commit", f"f{number}.txt") for number in range(8)])
        user.result()
    landed = {commit for _, status, commit in answers if status == "done"}
    history = set(git(root, "rev-list", f"{base}..main").split())
    assert history == landed | set(mine)
    assert len(landed) >= 4, answers
    for number, status, _ in answers:
        assert (root / f"f{number}.txt").read_text() == (
            "before\n" if status != "done" else f"run {number}\n"
        )
    assert git(root, "status", "--porcelain") == ""
    sound(root, data)


def test_whole_runs_at_once(tmp_path):
    """The real command on a scripted model, so many at once: all end, and what is done is in the history."""
    files = {f"m{n}/stats.py": BUGGY for n in range(RUNS)}
    repo = make_repository(tmp_path / "repo", {**files, "check.sh": "exit 0\n"})
    base = git(repo, "rev-parse", "HEAD")

    def answer(request: Request) -> Reply:
        number = request.prompt.partition("task number ")[2].split()[0].strip(".:")
        return Reply(FIX.replace("SEARCH stats.py", f"SEARCH m{number}/stats.py"))

    with ScriptedServer(answer, tools=False) as server, Zygote(adopt=True) as zygote:
        agent = Agent(tmp_path / "home", server.base_url)
        agent.home.mkdir()
        pids = [
            zygote.start(
                *("run", f"task number {number} : {TASK}", "--repo", str(repo), "--test", "sh check.sh"),
                *("--sandbox", "none", "--output", "json"),
                env=agent.environment,
                stdout=tmp_path / f"out{number}",
                stderr=tmp_path / f"err{number}",
            )
            for number in range(RUNS)
        ]
        statuses = zygote.wait_for_all()
    assert [statuses[pid] for pid in pids] == [0] * RUNS, [
        (tmp_path / f"err{number}").read_text() for number, pid in enumerate(pids) if statuses[pid]
    ]
    results = [json.loads((tmp_path / f"out{number}").read_text()) for number in range(RUNS)]
    commits = {result["commit"] for result in results}
    assert set(git(repo, "rev-list", f"{base}..main").split()) == commits
    assert len(commits) == RUNS
    assert git(repo, "status", "--porcelain") == ""
    assert any("the edit was verified on" in result["reason"] for result in results)
    sound(repo, agent.home / "data")
    shutil.rmtree(agent.home)
