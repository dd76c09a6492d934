"""`agent run --resume`: what goes on, what is asked again, and which flags come too late."""

import json
import os

import jsonschema
import pytest

from tests.agent.projects import (
    BUGGY,
    FIX,
    FIXED,
    TASK,
    Agent,
    asking,
    git,
    make_repository,
    snapshot,
)
from tests.agent.test_run import SCHEMA, interrupted
from tests.scripted import Fault, Reply

WORKFLOW = "<<<<<<< SEARCH .github/workflows/ci.yml\n=======\non: push\n>>>>>>> REPLACE\n"


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def agent(tmp_path, serve):
    """Return the command against a server that answers with these replies, and then with the last one."""

    def make(*replies) -> Agent:
        left = list(replies)
        (tmp_path / "home").mkdir(exist_ok=True)
        server = serve(lambda request: left.pop(0) if len(left) > 1 else left[0], tools=False)
        return Agent(tmp_path / "home", server.base_url)

    return make


def result_file(command: Agent, run_id: str):
    return command.home / "data" / "runs" / run_id / "result.json"


def test_a_run_that_was_shown_is_not_published_by_resuming_it(repo, agent):
    command, before = agent(Reply(FIX)), snapshot(repo)
    run_id = command.run(repo, "--dry-run").result["run_id"]
    kept = result_file(command, run_id).read_text()
    outcome = command.resume(repo, run_id, "--apply", "commit")
    assert outcome.exit_code == 2
    assert f"run {run_id} is done with --apply none: start a new run" in outcome.error
    assert result_file(command, run_id).read_text() == kept
    assert snapshot(repo) == before
    assert command.resume(repo, run_id).result["status"] == "done"


def test_a_run_that_was_taken_back_is_not_done(repo, agent):
    command = agent(Reply(FIX))
    run_id = command.run(repo).result["run_id"]
    assert command("undo", "--repo", str(repo)).exit_code == 0
    before, kept = snapshot(repo), result_file(command, run_id).read_text()
    outcome = command.resume(repo, run_id)
    assert outcome.exit_code == 2
    assert f"run {run_id} was published and taken back: start a new run" in outcome.error
    assert result_file(command, run_id).read_text() == kept
    assert snapshot(repo) == before


def test_a_run_whose_result_was_lost_is_done(repo, agent):
    command = agent(Reply(FIX))
    done = command.run(repo).result
    result_file(command, done["run_id"]).unlink()
    outcome = command.resume(repo, done["run_id"])
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["commit"] == done["commit"]
    assert git(repo, "rev-parse", "HEAD") == done["commit"]


def test_who_was_not_there_is_asked_when_the_run_is_resumed(repo, agent):
    command = agent(Reply(FIX + WORKFLOW))
    refused = command.run(repo)
    assert (refused.exit_code, "not approved" in refused.error) == (5, True)
    options = ("--resume", refused.result["run_id"])
    for answer, exit_code in (("n", 5), ("y", 0)):
        with asking(command, repo, *options) as (process, main, shown):
            assert b"on: push" in shown
            os.write(main, f"{answer}\n".encode())
            stdout, _ = process.communicate(timeout=60)
        assert (process.returncode, json.loads(stdout)["exit_code"]) == (exit_code, exit_code)
    assert (repo / "stats.py").read_text() == FIXED


def test_tests_that_were_not_found_are_named_when_the_run_is_resumed(tmp_path, agent):
    check = "from stats import mean\nassert mean([1, 2, 3]) == 2\n"
    repo = make_repository(tmp_path / "project", {"stats.py": BUGGY, "check.py": check})
    command = agent(Fault.hang(30.0), Reply(FIX))
    missing = command("run", TASK, "--repo", str(repo), "--output", "json")
    assert "no tests were found" in missing.error
    run_id = missing.result["run_id"]
    stopped = interrupted(command, repo, "--resume", run_id, "--test", "python3 check.py")
    assert stopped["run_id"] == run_id
    other = command.resume(repo, run_id, "--test", "true")
    assert (other.exit_code, "begun with the tests of `python3 check.py`" in other.error) == (2, True)
    outcome = command.resume(repo, run_id)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["tests"]["command"] == "python3 check.py"


@pytest.mark.parametrize(("begun", "given"), [("--no-verify", "--verify"), ("--verify", "--no-verify")])
def test_what_was_begun_without_tests_does_not_go_on_with_them(repo, agent, begun, given):
    command = agent(Fault.hang(30.0), Reply(FIX))
    run_id = interrupted(command, repo, begun)["run_id"]
    outcome = command.resume(repo, run_id, given)
    assert outcome.exit_code == 2, outcome.stderr
    assert f"run {run_id} was begun with{'out' if begun == '--no-verify' else ''} verif" in outcome.error
    assert command.resume(repo, run_id).exit_code == 0


def test_changes_of_tests_are_allowed_when_the_run_is_resumed(repo, agent):
    weakened = "<<<<<<< SEARCH test_stats.py\ndef test_one():\n    assert True\n=======\n>>>>>>> REPLACE\n"
    command = agent(Reply(FIX + weakened))
    refused = command.run(repo)
    assert (refused.exit_code, "--allow-test-changes" in refused.error) == (5, True)
    outcome = command.resume(repo, refused.result["run_id"], "--allow-test-changes")
    assert outcome.exit_code == 0, outcome.stderr
    assert [flag["asked"] for flag in outcome.result["integrity"]["flags"]] == [True]
    assert git(repo, "rev-parse", "HEAD") == outcome.result["commit"]


def test_an_edit_that_passes_only_by_what_it_takes_from_the_tests_needs_a_new_run(repo, agent):
    skipped = TEST_MEAN.replace("def", "import pytest\n\n\n@pytest.mark.skip\ndef", 1)
    answer = f"<<<<<<< SEARCH test_stats.py\n{TEST_MEAN}=======\n{skipped}>>>>>>> REPLACE\n"
    refused = agent(Reply(answer)).run(repo)
    assert (refused.exit_code, refused.error.endswith("--allow-test-changes, in a new run")) == (5, True)


TEST_MEAN = "def test_mean():\n    assert mean([1, 2, 3]) == 2\n"


def test_the_seconds_of_a_run_are_those_of_all_its_processes(repo, agent):
    command = agent(Reply(FIX, pause=0.05), Reply(FIX))
    done = command.run(repo).result
    again = command.resume(repo, done["run_id"]).result
    jsonschema.validate(again, SCHEMA)
    assert again["tokens"] == done["tokens"]
    assert again["seconds"] > done["seconds"] / 2 > 0  # those after the last checkpoint are not known
