"""`agent fuse` as a process of its own, beside scripted model servers."""

import json
import os
import signal
import subprocess

import pytest

from tests.agent.fusion.pools import by_purpose, prefers, purpose, ruling
from tests.agent.fusion.test_text import COMPARISON, RIGHT, WRONG
from tests.agent.projects import Agent
from tests.scripted import Fault, Reply


@pytest.fixture
def agent(tmp_path, serve):
    def make(script=(), settings: str = "", **options):
        home = tmp_path / "home"
        (home / ".config" / "moot").mkdir(parents=True, exist_ok=True)
        (home / ".config" / "moot" / "moot.toml").write_text(settings)
        server = serve(script, **options)
        return Agent(home, server.base_url), server

    return make


def test_stdout_is_the_answer_and_nothing_else(agent):
    here, server = agent(by_purpose(answer=Reply(texts=[WRONG, RIGHT, "No."]), judge=prefers("Canberra")))
    outcome = here.installed("fuse", "What is the capital of Australia?")
    assert (outcome.exit_code, outcome.stdout) == (0, f"{RIGHT}\n")
    assert "local gave 3 answers" in outcome.stderr
    assert "chosen: local#2" in outcome.stderr
    assert "against local alone" in outcome.stderr
    assert server.calls[0].body["n"] == 3
    assert [purpose(call) for call in server.calls].count("judge") == 4


def test_json_tells_who_was_dropped_and_why(agent, serve):
    here, _ = agent(by_purpose(answer=WRONG, compare=COMPARISON, write=RIGHT, judge=ruling("TIE")))
    other = serve(by_purpose(answer="Perhaps Perth."))
    pool = f"local, m@{other.base_url}, gone@http://127.0.0.1:9/v1"
    outcome = here("fuse", "-", "--pool", pool, "--mode", "merge", "--output", "json", stdin="Which?")
    assert outcome.exit_code == 0, outcome.stderr
    result = outcome.result
    assert (result["answer"], result["chosen"], result["mode"]) == (WRONG, "local", "merge")
    assert [one["status"] for one in result["members"]] == ["answered", "failed", "failed"]
    assert "does not serve m" in result["members"][1]["reason"]
    assert "127.0.0.1:9" in result["members"][2]["reason"]
    assert result["judge"] == {"model": "local", "verdicts": []}
    assert result["comparison"] is None
    assert result["ledger"]["ratios"]["tokens"] == 1


def test_json_has_everything(agent, serve):
    here, _ = agent(by_purpose(answer=WRONG, compare=COMPARISON, write=RIGHT, judge=ruling("TIE")))
    other = serve(by_purpose(answer="Perhaps Perth."))
    pool = f"local, @{other.base_url}"
    outcome = here("fuse", "-", "--pool", pool, "--mode", "merge", "--output", "json", stdin="Which?")
    result = outcome.result
    assert (result["answer"], result["chosen"]) == (RIGHT, "merged")
    assert set(result["comparison"]) == {"consensus", "contradictions", "partial", "unique", "blind_spots"}
    assert set(result["comparison"]["contradictions"][0]["answers"]) == {"local", f"@{other.base_url}"}
    [verdict] = result["judge"]["verdicts"]
    assert [order["verdict"] for order in verdict["orders"]] == ["tie", "tie"]
    assert [call["purpose"] for call in result["ledger"]["calls"]].count("judge") == 2
    assert all(one["tokens"]["read"] > 0 for one in result["members"])
    assert result["ledger"]["ratios"]["tokens"] > 1


def test_no_password_of_a_members_url_is_shown(agent, serve):
    here, _ = agent(by_purpose(answer=WRONG, judge=ruling("TIE")))
    address = serve(by_purpose(answer=WRONG)).base_url.removeprefix("http://")
    outcome = here("fuse", "hi", "--pool", f"local, @http://me:secret@{address}", "--output", "json")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["members"][1]["base_url"] == f"http://{address}"
    assert outcome.result["members"][1]["status"] == "answered"
    assert "secret" not in outcome.stdout + outcome.stderr


def test_members_of_the_settings_bring_their_keys_and_no_other_server_gets_them(agent, serve):
    closed = serve(by_purpose(answer=RIGHT), api_key="k-123")
    table = f'[[pool]]\nname = "closed"\nbase_url = "{closed.base_url}"\napi_key_env = "CLOSED_KEY"\n'
    here, server = agent(by_purpose(answer=RIGHT), settings=f'api_key = "own-key"\n{table}')
    outcome = here("fuse", "hi", "--pool", "local,closed", "--output", "json")
    assert "CLOSED_KEY holds no key" in outcome.result["members"][1]["reason"]

    environment = here.environment | {"CLOSED_KEY": "k-123"}
    command = [here.program, "fuse", "hi", "--pool", "local,closed", "--output", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert [one["status"] for one in json.loads(done.stdout)["members"]] == ["answered", "answered"]
    assert "k-123" not in done.stdout + done.stderr
    assert {request.headers.get("authorization") for request in closed.requests} == {"Bearer k-123"}
    assert {request.headers.get("authorization") for request in server.requests} == {"Bearer own-key"}
    outcome = here("fuse", "hi", "--pool", f"@{closed.base_url}")
    assert outcome.exit_code == 3
    assert "own-key" not in {str(request.headers) for request in closed.requests}


def test_a_rubric_reaches_the_judge(agent, tmp_path):
    (tmp_path / "rubric.txt").write_text("The answer rhymes.")
    here, server = agent(by_purpose(answer=Reply(texts=[WRONG, RIGHT]), judge=ruling("TIE")))
    outcome = here("fuse", "hi", "-n", "2", "--rubric", str(tmp_path / "rubric.txt"), "--system", "Be brief.")
    assert outcome.exit_code == 0, outcome.stderr
    assert server.calls[0].body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert "The answer rhymes." in server.calls[1].prompt


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["  "], "prompt is empty"),
        (["hi", "--pool", " , "], "pool is empty"),
        (["hi", "--pool", "a b c"], "is no member of a pool"),
        (["hi", "--pool", "m x99"], "1 to 16"),
        (["hi", "--pool", "nobody"], "does not serve nobody"),
        (["hi", "--pool", "m@http://"], "is no member of a pool"),
        (["hi", "--judge", "x y"], "is no member of a pool"),
        (["hi", "--rubric", "/nowhere"], "cannot read the rubric"),
        (["hi", "--max-time", "0"], "max_time"),
        (["hi", "--max-cost", "-1"], "max_cost"),
    ],
)
def test_bad_usage_is_one_sentence(agent, arguments, words):
    here, _ = agent(by_purpose(answer=RIGHT))
    outcome = here("fuse", *arguments)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert words in outcome.error
    assert "Traceback" not in outcome.stderr


def test_no_server(tmp_path):
    (tmp_path / "home").mkdir()
    outcome = Agent(tmp_path / "home")("fuse", "hi")
    assert outcome.exit_code == 3
    assert "agent model up" in outcome.error


def test_a_limit_without_an_answer_and_with_one(agent):
    here, _ = agent(by_purpose(answer=Fault.hang(30)))
    outcome = here("fuse", "hi", "--max-time", "1")
    assert (outcome.exit_code, outcome.stdout) == (4, "")
    assert "--max-time" in outcome.error
    here, _ = agent(by_purpose(answer=Reply(texts=[RIGHT, WRONG, "No."]), judge=Fault.hang(30, times=9)))
    outcome = here("fuse", "hi", "--max-time", "2", "--output", "json")
    assert (outcome.exit_code, outcome.result["limit"], outcome.result["answer"]) == (0, "time", RIGHT)


def test_a_model_cannot_write_to_the_terminal(agent):
    here, _ = agent(by_purpose(answer="red \x1b[31m and \x07 bell\tkept"))
    outcome = here("fuse", "hi", "-n", "1")
    assert outcome.stdout == "red ␛[31m and ␇ bell\tkept\n"


def test_ctrl_c_is_130(agent):
    here, server = agent(by_purpose(answer=Fault.hang(30)))
    process = here.start("fuse", "hi")
    assert server.wait_for_calls(1, 20)
    os.kill(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr
    assert server.wait_for_disconnects()
