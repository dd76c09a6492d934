"""`agent run --follow` from end to end: a later run's request begins with the bytes of the one before."""

import json
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest

from tests.agent.projects import BUGGY, FIX, FIXED, PYTEST, TASK, Agent, git, make_repository
from tests.scripted import Reply

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "result.schema.json").read_text())
DOUBLE = (
    "<<<<<<< SEARCH stats.py\n"
    "    return sum(values) / len(values)\n"
    "=======\n"
    "    return sum(values) / len(values) * 2\n"
    ">>>>>>> REPLACE\n"
)


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def server(serve):
    return serve([Reply(FIX), Reply(DOUBLE), Reply("more answers")] + [Reply("none")] * 9, tools=False)


@pytest.fixture
def agent(tmp_path, server):
    (tmp_path / "home").mkdir()
    return Agent(tmp_path / "home", server.base_url)


def sent(server) -> list[list[dict]]:
    return [call.body["messages"] for call in server.calls]


def test_a_second_run_begins_with_the_first_ones_conversation(repo, agent, server):
    first = agent.run(repo)
    assert first.exit_code == 0, first.stderr
    assert first.result["follows"] is None
    (repo / "test_stats.py").unlink()
    (repo / "notes.txt").write_text("The mean is to be doubled.\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Take notes")
    second = agent.run(repo, "--follow", "last", "--no-verify", task="Double the mean, as the notes say")
    assert second.exit_code == 0, second.stderr
    jsonschema.validate(second.result, SCHEMA)
    assert second.result["follows"] == {"run_id": first.result["run_id"], "restarted": ""}
    assert (repo / "stats.py").read_text() == FIXED.replace("len(values)", "len(values) * 2")

    before, after = sent(server)
    assert after[:-1] == [*before, {"role": "assistant", "content": FIX}]
    turn = after[-1]["content"]
    assert '<file path="stats.py">\n' + FIXED in turn
    assert '<file path="test_stats.py" part="gone"/>\n' in turn
    assert '<file path="notes.txt">\nThe mean is to be doubled.\n</file>\n' in turn
    assert BUGGY not in turn
    assert "<task>\nDouble the mean, as the notes say\n</task>" in turn

    context = agent.home / "data" / "runs" / second.result["run_id"] / "context.txt"
    assert context.read_text() in turn


def test_the_rounds_of_a_run_are_one_conversation(repo, tmp_path, serve):
    server = serve([Reply(f"no edit {number}") for number in range(5)], tools=False)
    (tmp_path / "home").mkdir()
    outcome = Agent(tmp_path / "home", server.base_url).run(repo, "--no-verify")
    assert outcome.exit_code == 1
    first, second, samples, third, more = sent(server)
    assert (samples, more) == (second, third)
    assert [call.body["n"] for call in server.calls] == [1, 1, 2, 1, 2]
    for earlier, later in pairwise((first, second, third)):
        assert later[: len(earlier)] == earlier
        assert [message["role"] for message in later[len(earlier) :]] == ["assistant", "user"]
    assert third[-2]["content"] == "no edit 1"


def test_a_run_without_room_starts_afresh_and_says_so(repo, agent, server):
    first = agent.run(repo, "--no-verify")
    task = "Double the mean. " * 60
    arguments = ("--follow", first.result["run_id"], "--no-verify", "--context-tokens", "300")
    second = agent.run(repo, *arguments, task=task)
    assert second.exit_code == 0, second.stderr
    jsonschema.validate(second.result, SCHEMA)
    assert "of 600 at most" in second.result["follows"]["restarted"]
    assert f"warning: the session starts afresh: {second.result['follows']['restarted']}" in second.stderr
    assert [message["role"] for message in sent(server)[1]] == ["system", "user"]


def test_a_session_goes_on_from_a_run_that_went_on_itself(repo, agent, server):
    agent.run(repo, "--no-verify")
    agent.run(repo, "--follow", "last", "--no-verify", task="Double it")
    third = agent.run(repo, "--follow", "last", "--no-verify", task="Again")
    assert third.exit_code == 1
    _, second, last, *_ = sent(server)
    assert last[: len(second)] == second
    assert last[-2] == {"role": "assistant", "content": DOUBLE}


def test_an_infilled_edit_is_followed_as_a_diff(repo, tmp_path, serve):
    infills = Reply(texts=["return sum(values)", "return sum(values) / len(values)"])
    server = serve(lambda request: Reply(DOUBLE) if "messages" in request.body else infills, tools=False)
    (tmp_path / "home").mkdir()
    agent = Agent(tmp_path / "home", server.base_url)
    first = agent.run(repo, "--profile", "qwen2.5-coder-1.5b-cpu")
    assert first.exit_code == 0, first.stderr
    second = agent.run(repo, "--follow", "last", "--no-verify", task="Double it")
    assert second.exit_code == 0, second.stderr
    _, _, answer, _ = server.calls[-1].body["messages"]
    assert answer == {"role": "assistant", "content": f"```diff\n{first.result['diff']}```"}


def test_an_argued_edit_is_followed_by_its_own_text(repo, tmp_path, serve):
    wrong = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")
    server = serve([Reply(wrong), Reply(texts=["none", FIX]), Reply(DOUBLE)], tools=False)
    (tmp_path / "home").mkdir()
    agent = Agent(tmp_path / "home", server.base_url)
    first = agent.run(repo, "--fusion", "always")
    assert first.exit_code == 0, first.stderr
    second = agent.run(repo, "--follow", "last", "--no-verify", task="Double it")
    assert second.exit_code == 0, second.stderr
    assert sent(server)[2][2] == {"role": "assistant", "content": FIX}


def test_what_cannot_be_followed_is_refused(repo, agent, server):
    outcome = agent.run(repo, "--follow", "last")
    assert outcome.exit_code == 2
    assert outcome.error == "no run of this repository can be followed: there is none yet"
    outcome = agent.run(repo, "--follow", "x", "--resume", "y")
    assert outcome.exit_code == 2
    assert "give one of them" in outcome.error
    assert server.calls == []


def test_the_text_form_names_the_run_that_was_followed(repo, agent):
    first = agent.run(repo, "--no-verify")
    run = ("run", "Double it", "--repo", str(repo), "--test", PYTEST, "--no-verify")
    second = agent(*run, "--follow", first.result["run_id"])
    assert second.exit_code == 0, second.stderr
    assert f"follows   {first.result['run_id']}" in second.stdout
    assert "tokens of run" in second.stderr
    assert TASK not in second.stdout
