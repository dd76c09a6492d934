"""`agent run` from end to end: the real command, real git, a real sandbox, a scripted model."""

import errno
import json
import os
import signal
import socket
import time
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest

from moot.agent import app, frontend
from moot.agent.core.config import Settings
from moot.agent.core.types import Task
from moot.agent.run import Run
from tests.agent.projects import BUGGY, FIX, FIXED, PYTEST, TASK, TEST, Agent, git, make_repository, snapshot
from tests.scripted import Call, Fault, Reply

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "result.schema.json").read_text())


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def agent(tmp_path, serve):
    """Return the command against a server that answers with these replies."""

    def make(*replies, script=None, **options) -> Agent:
        server = serve(script or list(replies), **{"tools": False, **options})
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        return Agent(home, server.base_url)

    return make


def test_a_bug_is_fixed_and_committed(repo, agent):
    outcome = agent(Reply(FIX)).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    result = outcome.result
    jsonschema.validate(result, SCHEMA)
    assert result["status"] == "done"
    assert result["tests"]["before"]["failed"] == ["test_stats.py::test_mean"]
    assert result["tests"]["after"]["status"] == "passed"
    assert result["tests"]["verified"] is True
    assert result["files"] == ["stats.py"]
    assert result["tokens"]["completion"] > 0
    assert git(repo, "rev-parse", "main") == result["commit"]
    assert git(repo, "rev-parse", "main^") == result["base"]
    assert (repo / "stats.py").read_text() == FIXED
    assert git(repo, "status", "--porcelain") == ""
    assert f"Moot-Run: {result['run_id']}" in git(repo, "log", "-1", "--format=%B")


def test_a_profile_whose_form_the_server_cannot_use_is_told(repo, agent):
    outcome = agent(Reply(FIX), completions=False).run(repo, "--profile", "codestral-2")
    assert outcome.exit_code == 0, outcome.stderr
    assert "completes no texts (/v1/completions): nothing is infilled" in outcome.stderr


def test_text_goes_to_stdout_and_progress_to_stderr(repo, agent):
    outcome = agent(Reply(FIX)).installed("run", TASK, "--repo", str(repo), "--test", PYTEST)
    assert outcome.exit_code == 0, outcome.stderr
    assert "+    return sum(values) / len(values)" in outcome.stdout
    assert git(repo, "rev-parse", "HEAD") in outcome.stdout
    assert "before: failed, 1 passed, 1 failed" in outcome.stderr


def test_a_stream_of_events_ends_with_the_result(repo, agent):
    outcome = agent(Reply(FIX))("run", TASK, "--repo", str(repo), "--test", PYTEST, "--output", "stream-json")
    events = [json.loads(line) for line in outcome.stdout.splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "RunStarted"
    assert names[-1] == "RunFinished"
    steps = [event["step"] for event in events if event["event"] == "StepFinished"]
    assert steps == [
        *("index", "reproduce", "retrieve", "explore", "pack", "propose", "validate", "assess"),
        *("verify", "approve", "publish"),
    ]
    assert "".join(event["text"] for event in events if event["event"] == "TokensStreamed") == FIX
    expected = {
        *("IndexUpdated", "TestsStarted", "TestsFinished", "FilesConsidered", "ContextPacked", "ModelCalled"),
        *("CandidateProposed", "RiskAssessed", "EvidenceFound", "CandidateSelected", "Published"),
    }
    assert expected <= set(names)
    final = {key: value for key, value in events[-1].items() if key != "event"}
    jsonschema.validate(final, SCHEMA)


def test_dry_run_shows_the_patch_and_publishes_nothing(repo, agent):
    before = snapshot(repo)
    outcome = agent(Reply(FIX)).run(repo, "--dry-run")
    assert outcome.exit_code == 0, outcome.stderr
    assert "+    return sum(values) / len(values)" in outcome.result["diff"]
    assert outcome.result["commit"] is None
    assert snapshot(repo) == before


@pytest.mark.parametrize("mode", ["branch", "worktree", "patch"])
def test_other_ways_to_publish(repo, agent, mode):
    outcome = agent(Reply(FIX)).run(repo, "--apply", mode)
    assert outcome.exit_code == 0, outcome.stderr
    result = outcome.result
    assert (repo / "stats.py").read_text() == (FIXED if mode == "worktree" else BUGGY)
    assert git(repo, "rev-parse", "main") == result["base"]
    match mode:
        case "branch":
            assert git(repo, "show", f"{result['branch']}:stats.py") == FIXED.strip()
        case "patch":
            git(repo, "apply", result["patch_file"])
            assert (repo / "stats.py").read_text() == FIXED


def test_a_rejected_edit_is_repaired(repo, agent):
    wrong = FIX.replace("(len(values) - 1)\n=", "len(values) - 1\n=")
    outcome = agent(Reply(wrong), Reply(FIX), Reply(texts=[FIX, "no"])).run(repo)
    assert outcome.exit_code == 0, outcome.stderr


def test_an_answer_that_was_cut_off_within_an_edit_is_asked_for_again(repo, agent):
    (repo / "other.py").write_text("")
    git(repo, "add", "other.py")
    git(repo, "commit", "-qm", "other")
    more = "--- a/other.py\n+++ b/other.py\n@@ -1 +1,2 @@\n+import"

    def script(request):
        again = "the answer was cut off" in json.dumps(request.body)
        return Reply(FIX) if again else Reply(FIX + more, finish_reason="length")

    outcome = agent(script=script).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["files"] == ["stats.py"]


def test_an_edit_that_fails_the_tests_is_repaired(repo, agent):
    wrong = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")
    outcome = agent(Reply(wrong), Reply(FIX), Reply(texts=["no", "no"])).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "stats.py").read_text() == FIXED


def test_a_small_model_repairs_by_filling_in(repo, agent):
    """With an infilling profile the failing test's lines are masked and filled in."""

    def script(request):
        infills = Reply(texts=["return sum(values)", "return sum(values) / len(values)"])
        return Reply("???") if "messages" in request.body else infills

    outcome = agent(script=script).run(repo, "--profile", "qwen2.5-coder-1.5b-cpu")
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "stats.py").read_text() == FIXED


def test_no_candidate_passes(repo, agent):
    before = snapshot(repo)
    wrong = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")
    outcome = agent(*[Reply(wrong)] * 9).run(repo)
    assert outcome.exit_code == 1
    assert "none of 1 candidates passed the tests" in outcome.error
    jsonschema.validate(outcome.result, SCHEMA)
    assert snapshot(repo) == before


def test_fusion_keeps_the_candidate_that_passes(repo, agent):
    wrong = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")
    outcome = agent(Reply(wrong), Reply(texts=[wrong.replace("+ 1", "+ 2"), FIX])).run(
        repo, "--fusion", "always"
    )
    assert outcome.exit_code == 0, outcome.stderr
    fusion = outcome.result["fusion"]
    assert fusion["candidates"] == 3
    assert fusion["survivors"] == 1
    assert (repo / "stats.py").read_text() == FIXED


def test_the_model_may_look_things_up_first(repo, serve, tmp_path):
    server = serve(
        [
            Reply(tool_calls=[Call("find_symbol", '{"name": "mean"}')]),
            Reply(tool_calls=[Call("read_file", '{"path": "../../etc/passwd"}', "call-2")]),
            Reply(tool_calls=[Call("read_file", '{"path": "stats.py"}', "call-3")]),
            Reply("READY"),
            Reply(FIX),
        ]
    )
    (tmp_path / "home").mkdir()
    outcome = Agent(tmp_path / "home", server.base_url).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    asked = [call.body for call in server.calls[:4]]
    for earlier, later in pairwise(asked):
        assert later["tools"] == earlier["tools"]
        assert later["messages"][: len(earlier["messages"])] == earlier["messages"]
    told = [message["content"] for message in server.calls[3].body["messages"] if message["role"] == "tool"]
    assert told[0].startswith("stats.py:1: def mean")
    assert "no file" in told[1]
    assert "sum(values)" in told[2]


def test_a_model_that_has_nothing_to_look_up_and_says_nothing_is_ready(repo, serve, tmp_path):
    """What it is shown of a file of one long line does not fill its window."""
    (repo / "bundle.js").write_text("var a=1;" * 100_000)
    git(repo, "add", "bundle.js")
    git(repo, "commit", "-qm", "bundle")
    call = Reply(tool_calls=[Call("read_file", '{"path": "bundle.js"}')])
    server = serve([call, Reply(""), Reply(FIX)])
    (tmp_path / "home").mkdir()
    outcome = Agent(tmp_path / "home", server.base_url).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    told = server.calls[1].body["messages"][-1]["content"]
    assert "cut after" in told
    assert len(told) < 30_000


def test_a_server_that_refuses_a_later_look_up_does_not_end_the_run(repo, serve, tmp_path):
    call = Reply(tool_calls=[Call("find_symbol", '{"name": "mean"}')])
    server = serve([call, Fault.status(400, message="the prompt is too long"), Reply(FIX)])
    (tmp_path / "home").mkdir()
    outcome = Agent(tmp_path / "home", server.base_url).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    assert "nothing more is looked up: " in outcome.stderr
    assert (repo / "stats.py").read_text() == FIXED


def test_a_risky_edit_is_refused_without_a_terminal(repo, agent):
    workflow = "<<<<<<< SEARCH .github/workflows/ci.yml\n=======\non: push\n>>>>>>> REPLACE\n"
    before = snapshot(repo)
    outcome = agent(*[Reply(FIX + workflow)] * 9).run(repo)
    assert outcome.exit_code == 5
    assert "not approved" in outcome.error
    assert outcome.result["risk"]["high"] is True
    assert snapshot(repo) == before


def test_yes_publishes_a_risky_edit(repo, agent):
    dependency = "<<<<<<< SEARCH requirements.txt\n=======\nattrs\n>>>>>>> REPLACE\n"
    outcome = agent(*[Reply(FIX + dependency)] * 3).run(repo, "--yes")
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "requirements.txt").read_text() == "attrs\n"


def test_without_verification_the_result_says_so(repo, agent):
    command = agent(Reply(FIX), Reply(FIX))
    outcome = command.run(repo, "--no-verify", "--dry-run")
    assert outcome.exit_code == 0, outcome.stderr
    tests = outcome.result["tests"]
    assert (tests["command"], tests["before"], tests["after"], tests["verified"]) == (None, None, None, False)
    assert "nothing is verified" in outcome.stderr
    shown = command("run", TASK, "--repo", str(repo), "--no-verify")
    assert "nothing was verified" in shown.stderr
    assert "passed" not in shown.stderr


def test_the_tests_are_found(repo, agent):
    outcome = agent(Reply(FIX))("run", TASK, "--repo", str(repo), "--output", "json")
    assert outcome.exit_code == 0, outcome.stderr
    assert "pytest" in outcome.result["tests"]["command"]


def test_a_command_in_the_repositorys_words_is_shown_before_it_runs(tmp_path, agent):
    """A script that reports no single tests: its exit code alone decides, and the run says so."""
    check = "from stats import mean\nassert mean([1, 2, 3]) == 2\n"
    files = {"stats.py": BUGGY, "check.py": check, "Makefile": "test:\n\tpython3 check.py || exit 3\n"}
    repo = make_repository(tmp_path / "project", files)
    outcome = agent(Reply(FIX))("run", TASK, "--repo", str(repo), "--output", "stream-json")
    assert outcome.exit_code == 0, outcome.stderr
    events = [json.loads(line) for line in outcome.stdout.splitlines()]
    texts = [event.get("text", "") for event in events]
    shown = next(at for at, text in enumerate(texts) if "make test (Makefile:1: " in text)
    started = next(at for at, event in enumerate(events) if event["event"] == "TestsStarted")
    assert shown < started
    assert any("the exit code alone says that it failed" in text for text in texts)


def test_a_link_of_the_repository_opens_no_folder_to_its_tests(tmp_path, agent):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    hidden = f"\n\ndef test_hidden():\n    assert not os.path.exists({str(tmp_path / 'other' / 'file')!r})\n"
    files = {"stats.py": BUGGY, "test_stats.py": f"import os\n{TEST}{hidden}", "node_modules/a/index.js": ""}
    repo = make_repository(tmp_path / "project", files)
    (repo / "node_modules" / "link").symlink_to("../../other")
    git(repo, "add", "-f", "node_modules/link")
    git(repo, "commit", "-qm", "link")
    outcome = agent(Reply(FIX)).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["tests"]["before"]["failed"] == ["test_stats.py::test_mean"]


def test_the_task_may_come_from_stdin(repo, agent):
    outcome = agent(Reply(FIX))(
        "run", "-", "--repo", str(repo), "--test", PYTEST, "--output", "json", stdin=TASK
    )
    assert outcome.exit_code == 0, outcome.stderr


def start(command, repo, *arguments, until):
    """Start a run and return its process when it begins a step."""
    begun = () if "--resume" in arguments else (TASK, "--test", PYTEST)
    process = command.start("run", *begun, "--repo", str(repo), "--output", "stream-json", *arguments)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("step") == until:
            break
    return process


def interrupted(command, repo, *arguments):
    """Interrupt a run while it waits for the model; return its result."""
    process = start(command, repo, *arguments, until="propose")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    return json.loads(rest.splitlines()[-1])


def test_an_interrupted_run_leaves_the_tree_and_can_be_resumed(repo, agent):
    before = snapshot(repo)
    command = agent(Fault.hang(30.0), Reply(FIX), Reply(FIX))
    final = interrupted(command, repo)
    assert final["status"] == "interrupted"
    assert f"agent run --resume {final['run_id']}" in final["reason"]
    assert snapshot(repo) == before

    outcome = command.resume(repo, final["run_id"])
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["run_id"] == final["run_id"]
    assert outcome.result["tests"]["before"]["failed"] == ["test_stats.py::test_mean"]
    assert (repo / "stats.py").read_text() == FIXED


def test_what_is_interrupted_before_it_began_is_not_to_be_resumed(repo, tmp_path):
    """The server takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = Agent(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
        process = command.start("run", TASK, "--repo", str(repo), "--output", "json")
        with silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            stdout, _ = process.communicate(timeout=30)
    final = json.loads(stdout)
    assert (process.returncode, final["status"]) == (130, "interrupted")
    assert "--resume" not in final["reason"]
    assert not (tmp_path / "data" / "runs" / final["run_id"] / "run.json").exists()


def test_a_resumed_run_keeps_its_settings(repo, agent):
    before = snapshot(repo)
    command = agent(Fault.hang(30.0), Reply(FIX), Reply(FIX))
    final = interrupted(command, repo, "--dry-run")
    outcome = command.resume(repo, final["run_id"])
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["diff"]
    assert outcome.result["commit"] is None
    assert snapshot(repo) == before


def test_a_run_is_resumed_in_its_own_repository_only(repo, agent, tmp_path):
    other = make_repository(tmp_path / "other")
    before = snapshot(other)
    command = agent(Fault.hang(30.0), Reply(FIX), Reply(FIX))
    final = interrupted(command, repo)
    outcome = command.resume(other, final["run_id"])
    assert outcome.exit_code == 2
    assert f"belongs to {repo}" in outcome.error
    assert snapshot(other) == before


def test_a_run_has_one_process_at_a_time(repo, agent):
    command = agent(Fault.hang(30.0), Reply(FIX), Reply(FIX))
    process = start(command, repo, until="propose")
    run_id = next((command.home / "data" / "runs").iterdir()).name
    outcome = command.resume(repo, run_id)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert outcome.exit_code == 2
    assert "still going on in another process" in outcome.error


def test_a_publication_that_has_begun_is_ended(repo, agent):
    process = start(agent(Reply(FIX)), repo, until="publish")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    final = json.loads(rest.splitlines()[-1])
    assert (process.returncode, final["status"]) == (0, "done")
    assert git(repo, "rev-parse", "HEAD") == final["commit"]


def test_what_is_published_is_done_where_the_result_cannot_be_kept(repo, agent):
    def script(_request):
        (folder,) = (command.home / "data" / "runs").iterdir()
        (folder / "result.json").mkdir()
        return Reply(FIX)

    command = agent(script=script)
    outcome = command.run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["commit"] == git(repo, "rev-parse", "HEAD")
    assert "warning: the result is not kept in " in outcome.stderr


def test_a_fault_of_ours_is_a_failed_result(repo, agent):
    command = agent(Reply(FIX))
    (command.home / "data").mkdir()
    (command.home / "data" / "runs").write_text("a file where a folder belongs")
    outcome = command.run(repo)
    assert outcome.exit_code == 1
    assert outcome.result["status"] == "failed"
    assert "please report it" in outcome.error
    assert "Traceback" in outcome.stderr


@pytest.mark.parametrize(("window", "budget"), [(262_144, 256_000), (16_384, 11_264)])
def test_a_budget_is_kept_as_far_as_the_window_has_room(repo, agent, window, budget):
    command = agent(Reply(FIX), context=window)
    arguments = ("--no-verify", "--context-tokens", "256000", "--output", "stream-json")
    outcome = command("run", TASK, "--repo", str(repo), *arguments)
    assert outcome.exit_code == 0, outcome.stderr
    events = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert [event["budget"] for event in events if event["event"] == "ContextPacked"] == [budget]


def test_a_limit_on_tokens(repo, agent):
    wrong = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")
    outcome = agent(*[Reply(wrong)] * 9).run(repo, "--max-tokens", "10")
    assert outcome.exit_code == 4
    assert "--max-tokens" in outcome.error


def test_a_limit_on_time(repo, agent):
    outcome = agent(Fault.hang(30.0)).run(repo, "--max-time", "4")
    assert outcome.exit_code == 4
    assert "--max-time" in outcome.error


def test_index_and_context(repo, agent):
    command = agent()
    first = json.loads(command("index", "--repo", str(repo), "--output", "json").stdout)
    again = json.loads(command("index", "--repo", str(repo), "--output", "json").stdout)
    assert (first["files"], first["parsed"]) == (2, 2)
    assert (again["parsed"], again["reused"]) == (0, 2)
    packed = json.loads(command("context", TASK, "--repo", str(repo), "--output", "json").stdout)
    assert packed["exact"] is True
    assert {file["path"] for file in packed["files"]} == {"stats.py", "test_stats.py"}
    assert packed["tokens"] <= packed["budget"]
    assert "stats.py" in command("context", TASK, "--repo", str(repo)).stdout


def test_a_full_disk_before_the_run_has_begun_names_no_run_to_resume(monkeypatch, capsys):
    async def wire(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(
        app, "start", lambda settings, _, task, ask, resume: Run(settings, wire, task, ask, resume)
    )
    assert frontend.run_task(Settings(), Path(), Task("do it"), None, "json") == 1
    assert json.loads(capsys.readouterr().out)["reason"].endswith("free some, then start the task anew")
