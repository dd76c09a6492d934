"""`agent log`, `agent show` and `agent undo` on runs of the real command."""

import json
import subprocess

import pytest

from tests.agent.projects import BUGGY, FIX, FIXED, TASK, Agent, git, make_repository, snapshot
from tests.scripted import Fault, Reply


@pytest.fixture
def agent(tmp_path, serve):
    server = serve([Reply(FIX), Reply(FIX)], tools=False)
    (tmp_path / "home").mkdir()
    return Agent(tmp_path / "home", server.base_url)


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


def test_a_run_is_listed_shown_undone_and_undone_no_more(repo, agent):
    before = snapshot(repo)
    result = agent.run(repo, "--no-verify").result
    run_id = result["run_id"]

    listed = agent.installed("log", "--repo", str(repo))
    assert listed.exit_code == 0
    for part in (run_id, "done", "main", result["commit"][:10], "scripted", TASK):
        assert part in listed.stdout
    (entry,) = json.loads(agent("log", "--repo", str(repo), "--output", "json").stdout)
    assert (entry["run_id"], entry["apply"], entry["commit"]) == (run_id, "commit", result["commit"])
    shown = agent.installed("show", run_id)
    assert agent("show", "--repo", str(repo)).stdout == shown.stdout
    assert "+    return sum(values) / len(values)" in shown.stdout
    assert json.loads(agent("show", run_id, "--output", "json").stdout)["result"]["status"] == "done"

    undone = agent.installed("undo", "--repo", str(repo), "--output", "json")
    assert undone.exit_code == 0, undone.stderr
    assert json.loads(undone.stdout)["run_id"] == run_id
    assert {**snapshot(repo), "refs": before["refs"]} == before
    assert git(repo, "rev-parse", "main") == result["base"]
    assert (repo / "stats.py").read_text() == BUGGY
    assert "undone" in agent("log", "--all").stdout
    assert "undone      moved main back" in agent("show", run_id).stdout

    again = agent("undo", run_id, "--repo", str(repo))
    assert again.exit_code == 5
    assert "already taken back: moved main back" in again.error
    nothing = agent("undo", "--repo", str(repo))
    assert nothing.exit_code == 5
    assert "no run has published anything" in nothing.error


def test_the_shown_change_can_be_taken_back_by_hand(tmp_path, serve):
    """Also where lines end as on Windows, which a terminal is not told."""
    repo = make_repository(tmp_path / "repo", {"stats.py": BUGGY.replace("\n", "\r\n")})
    (tmp_path / "home").mkdir()
    command = Agent(tmp_path / "home", serve([Reply(FIX)], tools=False).base_url)
    assert command.run(repo, "--no-verify").exit_code == 0
    words = [command.program, "show", "--repo", repo]
    shown = subprocess.run(words, env=command.environment, capture_output=True, check=True).stdout
    patch = b"diff --git" + shown.partition(b"diff --git")[2]
    subprocess.run(["git", "apply", "-R"], cwd=repo, input=patch, check=True)
    assert (repo / "stats.py").read_bytes() == BUGGY.replace("\n", "\r\n").encode()


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
    for command in (
        ("undo", "nope", "--repo", str(repo)),
        ("show", "nope"),
        ("show", "../.."),
        ("show", "--repo", str(repo)),
    ):
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


def interfering(repo, serve, tmp_path, name: str, content: str) -> Agent:
    """Return the command on a model that answers while the user commits a file."""

    def answer(_request):
        (repo / name).write_text(content)
        git(repo, "add", "-A")
        git(repo, "commit", "-qm", "mine", "--allow-empty")
        return Reply(FIX)

    (tmp_path / "home").mkdir()
    return Agent(tmp_path / "home", serve(answer, tools=False).base_url)


def test_the_branch_moves_on_in_other_files(repo, serve, tmp_path):
    outcome = interfering(repo, serve, tmp_path, "other.txt", "mine\n").run(repo, "--no-verify")
    assert outcome.exit_code == 0, outcome.stderr
    assert f"the edit was verified on {outcome.result['base'][:10]}" in outcome.result["reason"]
    assert outcome.result["reason"] in outcome.stderr
    assert git(repo, "rev-parse", "main") == outcome.result["commit"]
    assert (repo / "other.txt").read_text() == "mine\n"
    assert (repo / "stats.py").read_text() == FIXED
    assert git(repo, "status", "--porcelain") == ""


def test_the_branch_moves_on_in_the_same_file(repo, serve, tmp_path):
    agent = interfering(repo, serve, tmp_path, "stats.py", f"# mine\n{BUGGY}")
    outcome = agent.run(repo, "--no-verify")
    assert outcome.exit_code == 5
    advice = outcome.error.partition("`")[2].partition("`")[0].split()
    assert advice[:3] == ["agent", "run", "--resume"]
    assert (repo / "stats.py").read_text() == f"# mine\n{BUGGY}"
    resumed = agent(*advice[1:], "--repo", str(repo), "--output", "json")
    assert resumed.exit_code == 0, resumed.stderr
    git(repo, "merge", "-q", resumed.result["branch"])
    assert (repo / "stats.py").read_text() == f"# mine\n{FIXED}"


def test_a_run_that_still_works_is_told_from_one_that_was_killed(repo, serve, tmp_path):
    (tmp_path / "home").mkdir()
    server = serve([Fault.hang(60.0)], tools=False)
    agent = Agent(tmp_path / "home", server.base_url)
    process = agent.start("run", TASK, "--repo", str(repo), "--no-verify")
    assert server.wait_for_calls(1, 60)
    assert "running" in agent("log", "--repo", str(repo)).stdout
    process.kill()
    process.communicate()
    assert "unfinished" in agent("log", "--repo", str(repo)).stdout
    undo = agent(
        "undo", json.loads(agent("log", "--all", "--output", "json").stdout)[0]["run_id"], "--repo", str(repo)
    )
    assert undo.exit_code == 5
    assert "not finished" in undo.error


@pytest.mark.parametrize("command", ["index", "log", "fusion stats"])
def test_what_a_kill_left_is_finished_and_said(repo, agent, tmp_path, command):
    """The files of a killed publication are put in place by the next command, whichever it is."""
    run_id = agent.run(repo, "--no-verify").result["run_id"]
    (home,) = (tmp_path / "home" / "data" / "repos").iterdir()
    (home / "pending").mkdir(exist_ok=True)
    (home / "publications" / f"{run_id}.json").rename(home / "pending" / f"publish-{run_id}.json")
    (repo / "stats.py").write_text(BUGGY)
    outcome = agent(*command.split(), "--repo", str(repo))
    assert f"publishing run {run_id} had been cut off and was finished now" in outcome.stderr
    assert (repo / "stats.py").read_text() == FIXED
    assert git(repo, "status", "--porcelain") == ""
    assert "cut off" not in agent("log", "--repo", str(repo)).stderr


def test_an_undo_that_was_cut_off_is_finished_and_shown(repo, agent, tmp_path):
    run_id = agent.run(repo, "--no-verify").result["run_id"]
    assert agent("undo", "--repo", str(repo)).exit_code == 0
    (home,) = (tmp_path / "home" / "data" / "repos").iterdir()
    (home / "undone" / f"{run_id}.json").rename(home / "pending" / f"undo-{run_id}.json")
    (repo / "stats.py").write_text(FIXED)
    assert f"taking back run {run_id} had been cut off" in agent("index", "--repo", str(repo)).stderr
    assert (repo / "stats.py").read_text() == BUGGY
    for command in (("show", run_id), ("log", "--all")):
        assert "undone" in agent(*command).stdout


def test_a_run_that_was_refused_and_is_on_the_branch(repo, agent, tmp_path):
    """As where another git held the index when the branch had moved, and the next command went on."""
    result = agent.run(repo, "--no-verify").result
    file = tmp_path / "home" / "data" / "runs" / result["run_id"] / "result.json"
    refused = {"status": "refused", "exit_code": 5, "commit": None, "branch": None, "reason": "held"}
    file.write_text(json.dumps({**result, **refused}))
    (entry,) = json.loads(agent("log", "--repo", str(repo), "--output", "json").stdout)
    assert (entry["status"], entry["exit_code"], entry["reason"]) == ("unfinished", None, "")
    assert (entry["commit"], entry["branch"]) == (result["commit"], "main")
    resumed = agent("run", "--resume", result["run_id"], "--repo", str(repo), "--output", "json")
    assert resumed.result["commit"] == result["commit"]
    assert "done" in agent("log", "--repo", str(repo)).stdout


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
    (tmp_path / "home" / "data" / "runs" / "odd").rename(tmp_path / "home" / "data" / "runs" / "odd (copy)")
    assert agent("log", "--repo", str(repo)).exit_code == 0
    assert agent("log", "-n", "1", "--all").stdout.count("\n") == 1
