"""`agent log`, `agent show` and `agent undo` on runs of the real command."""

import json

import pytest

from tests.agent.projects import BUGGY, FIX, FIXED, TASK, Agent, git, make_repository, snapshot
from tests.scripted import Reply


@pytest.fixture
def agent(tmp_path, serve):
    server = serve([Reply(FIX), Reply(FIX)], tools=False)
    (tmp_path / "home").mkdir()
    return Agent(tmp_path / "home", server.base_url)


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


def test_a_run_is_listed_shown_undone_and_undone_no_more(repo, agent, tmp_path):
    before = snapshot(repo)
    result = agent.run(repo, "--no-verify").result
    run_id = result["run_id"]

    listed = agent("log", "--repo", str(repo))
    assert listed.exit_code == 0
    for part in (run_id, "done", "main", result["commit"][:10], "scripted", TASK):
        assert part in listed.stdout
    (entry,) = json.loads(agent("log", "--repo", str(repo), "--output", "json").stdout)
    assert (entry["run_id"], entry["apply"], entry["commit"]) == (run_id, "commit", result["commit"])
    shown = agent("show", run_id)
    assert "+    return sum(values) / len(values)" in shown.stdout
    assert json.loads(agent("show", run_id, "--output", "json").stdout)["result"]["status"] == "done"

    undone = agent("undo", "--repo", str(repo), "--output", "json")
    assert undone.exit_code == 0, undone.stderr
    assert json.loads(undone.stdout)["run_id"] == run_id
    assert {**snapshot(repo), "refs": before["refs"]} == before
    assert git(repo, "rev-parse", "main") == result["base"]
    assert (repo / "stats.py").read_text() == BUGGY
    assert (tmp_path / "home" / "data" / "runs" / run_id / "undo.json").exists()
    assert "undone" in agent("log", "--all").stdout

    again = agent("undo", run_id, "--repo", str(repo))
    assert again.exit_code == 5
    assert "already taken back: moved main back" in again.error
    nothing = agent("undo", "--repo", str(repo))
    assert nothing.exit_code == 5
    assert "no run has published anything" in nothing.error


def test_a_revert_after_later_commits(repo, agent):
    run_id = agent.run(repo, "--no-verify").result["run_id"]
    (repo / "other.txt").write_text("mine\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "later")
    undone = agent("undo", run_id, "--repo", str(repo))
    assert undone.exit_code == 0, undone.stderr
    assert f"undid run {run_id}: reverted on main by" in undone.stdout
    assert (repo / "stats.py").read_text() == BUGGY
    assert git(repo, "status", "--porcelain") == ""


def test_nothing_here(repo, agent, tmp_path):
    empty = agent("log", "--repo", str(repo))
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "no runs here yet" in empty.stderr
    assert json.loads(agent("log", "--repo", str(repo), "--output", "json").stdout) == []
    for command in (("undo", "nope", "--repo", str(repo)), ("show", "nope"), ("show", "../..")):
        outcome = agent(*command)
        assert outcome.exit_code == 2
        assert "run" in outcome.error
    assert agent("log", "--repo", str(tmp_path / "home")).exit_code == 2


def test_a_run_of_another_repository(repo, agent, tmp_path):
    run_id = agent.run(repo, "--no-verify", "--apply", "worktree").result["run_id"]
    assert (repo / "stats.py").read_text() == FIXED
    other = make_repository(tmp_path / "other")
    outcome = agent("undo", run_id, "--repo", str(other))
    assert outcome.exit_code == 2
    assert f"belongs to {repo}" in outcome.error
    assert agent("log", "--repo", str(other)).stdout == ""
    assert str(repo) in agent("log", "--all").stdout


def test_a_damaged_run_is_no_obstacle(repo, agent, tmp_path):
    agent.run(repo, "--no-verify")
    for name, content in (("20200101-000000-aaaa", "{"), ("odd", '{"task": {"text": "x\\u001b[31m"}}')):
        folder = tmp_path / "home" / "data" / "runs" / name
        folder.mkdir()
        (folder / "run.json").write_text(content)
    listed = agent("log", "--all")
    assert listed.exit_code == 0
    assert "unfinished" in listed.stdout
    assert "\x1b" not in listed.stdout
    assert agent("log", "-n", "1", "--all").stdout.count("\n") == 1
