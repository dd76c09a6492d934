"""Repair of a failing test from end to end: functions written anew, limits, progress, interruptions."""

import json
import re
import signal
import time
import zlib
from pathlib import Path

import pytest

from tests.agent.projects import BUGGY, FIXED, PYTEST, TASK, TEST, Agent, git, make_repository, snapshot
from tests.agent.repair.seeded import GOLANG, NODE, UNITTEST, Seeded
from tests.scripted import Fault, Reply, Request

NO_SUM = FIXED.replace("sum(values) / ", "")
KEY = "AKIA" + "Q7" * 8
SMALL_MODEL = ("--profile", "qwen2.5-coder-1.5b-cpu")
FUNCTIONS = {
    "node": "export function total",
    "go": "func Total",
    "unittest": "def total",
}
REWRITTEN = "Here it is:\n\n```\n{}\n```\n"


@pytest.fixture
def agent(tmp_path, serve):
    """Return the command, and its server, that answers by this script."""

    def make(script):
        server = serve(script, tools=False)
        (tmp_path / "home").mkdir(exist_ok=True)
        return Agent(tmp_path / "home", server.base_url), server

    return make


def asks_chat(request: Request) -> bool:
    return request.path.endswith("chat/completions")


def events_of(stdout: str) -> list[dict]:
    return [json.loads(line) for line in stdout.splitlines()]


def function_of(project: Seeded) -> str:
    """Return the function with the bug as it should be."""
    text = project.fixed
    start = text.index(FUNCTIONS[project.name])
    end = text.find("\n}\n", start)
    return text[start : end + 2] if end >= 0 else text[start:]


def repaired(tmp_path: Path, command: Agent, project: Seeded) -> tuple[list[dict], str]:
    """Repair a project that forgets the discount; return the batches, and which generator did it."""
    buggy = project.files[project.path].replace("result + discount", "result")
    repo = make_repository(tmp_path / "repo", {**project.files, project.path: buggy})
    task = ("run", "a discount must be taken off", "--repo", str(repo), "--test", project.command)
    outcome = command(*task, *SMALL_MODEL, "--output", "stream-json")
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / project.path).read_text() == project.fixed
    events = events_of(outcome.stdout)
    [selected] = [event for event in events if event["event"] == "CandidateSelected"]
    batches = [event for event in events if event["event"] == "CandidatesGenerated"]
    return batches, selected["candidate"]["generator"]


PROJECTS = pytest.mark.parametrize(
    "project", [pytest.param(each, id=each.name) for each in (NODE, GOLANG, UNITTEST)]
)


@PROJECTS
def test_a_function_is_written_anew(tmp_path: Path, agent, project: Seeded):
    """No operator, infill or correction mends this bug; the model does when it sees the function."""

    def script(request: Request) -> Reply:
        if not asks_chat(request) or "<- suspicious" not in request.prompt:
            return Reply("???")
        return Reply(texts=["I cannot.", REWRITTEN.format(function_of(project))])

    command, server = agent(script)
    (*before, rewrite), generator = repaired(tmp_path, command, project)
    assert generator == "rewrite"
    assert {event["generator"] for event in before} == {"fim", "correct"}
    assert all(event["masks"] > 0 for event in before)
    assert (rewrite["generator"], rewrite["answers"], rewrite["candidates"]) == ("rewrite", 8, 1)
    chats = [request.body for request in server.calls if "<- suspicious" in request.prompt]
    assert sorted(body["n"] for body in chats) == [1, 7]
    assert all(body["max_tokens"] < len(function_of(project)) for body in chats)


@PROJECTS
def test_a_line_is_corrected(tmp_path: Path, agent, project: Seeded):
    """No operator and no infill mends this bug; the model does when it is asked for the line."""
    [right] = [line.strip() for line in project.fixed.splitlines() if "- discount" in line]
    asked = f"```\n{right.replace(' - discount', '')}\n```"

    def script(request: Request) -> Reply:
        if asks_chat(request) and asked in re.sub(r"```\w+", "```", request.prompt):
            return Reply(texts=[f"It is:\n```\n{right}\n```\n", "I cannot."])
        return Reply("???")

    command, server = agent(script)
    (batch,), generator = repaired(tmp_path, command, project)
    assert (generator, batch["generator"], batch["candidates"]) == ("correct", "correct", 1)
    assert batch["answers"] == 4 * batch["masks"]
    chats = [request for request in server.calls if asks_chat(request)]
    assert len({request.prompt.partition("The fault is in")[0] for request in chats}) == 1


def test_lines_are_asked_for_again_when_all_were(tmp_path: Path, agent):
    repo = make_repository(tmp_path / "repo", {"stats.py": NO_SUM, "test_stats.py": TEST})

    def script(request: Request) -> Reply:
        again = "The fault is in" in request.prompt and request.body.get("n") == 4
        return Reply("return sum(values) / len(values)" if again else "???")

    command, _ = agent(script)
    outcome = command("run", TASK, "--repo", str(repo), "--test", PYTEST, *SMALL_MODEL)
    assert outcome.exit_code == 0, outcome.stderr
    assert "selected correct-2.1" in outcome.stderr


def test_questions_about_a_line_stay_short_where_the_task_is_long(tmp_path: Path, agent):
    repo = make_repository(tmp_path / "repo", {"stats.py": NO_SUM, "test_stats.py": TEST})

    def script(request: Request) -> Reply:
        return Reply("return sum(values) / len(values)" if "The fault is in" in request.prompt else "???")

    command, server = agent(script)
    task = f"mean() is wrong\n\n{'It is far too large. ' * 500}"
    outcome = command("run", task, "--repo", str(repo), "--test", PYTEST, *SMALL_MODEL)
    assert outcome.exit_code == 0, outcome.stderr
    asked = [request.prompt for request in server.calls if "The fault is in" in request.prompt]
    assert asked
    assert all(len(prompt) < 4_000 for prompt in asked)
    assert all("def mean" in prompt and "def test_mean" in prompt for prompt in asked)


@pytest.mark.parametrize("path", ["stats.py", "test_stats.py"])
def test_a_file_with_a_key_is_not_shown(tmp_path: Path, agent, path: str):
    line = f'    key = "{KEY}"\n'
    files = {"stats.py": BUGGY.replace(":\n", f":\n{line}"), "test_stats.py": TEST}
    if path == "test_stats.py":
        files = {"stats.py": BUGGY, path: TEST.replace("== 2\n", f"== 2\n{line}")}
    repo = make_repository(tmp_path / "repo", files)
    command, server = agent(lambda _: Reply("???"))
    command("run", TASK, "--repo", str(repo), "--test", PYTEST, *SMALL_MODEL)
    assert any("def mean" in request.prompt for request in server.calls) == (path == "test_stats.py")
    assert server.calls
    assert not any(KEY in request.prompt for request in server.calls)


def test_progress_is_told_in_words(tmp_path: Path, agent):
    repo = make_repository(tmp_path / "repo")
    command, _ = agent(lambda request: Reply("return sum(values) / len(values)" * (not asks_chat(request))))
    outcome = command("run", TASK, "--repo", str(repo), "--test", PYTEST, *SMALL_MODEL)
    assert outcome.exit_code == 0, outcome.stderr
    assert " corrected: 0 candidates of 0 answers" in outcome.stderr
    assert "batch 1: 6 masks filled, 2 operators exchanged: " in outcome.stderr
    assert " candidates of 72 answers" in outcome.stderr


FITTED = "return 14 if values == [3, 14, 25] else len(values)"
ODD_TEST = TEST.replace("[1, 2, 3]) == 2", "[3, 14, 25]) == 14")


def test_the_search_goes_on_where_all_that_passes_is_fitted_to_the_test(tmp_path: Path, agent):
    repo = make_repository(tmp_path / "repo", {"stats.py": NO_SUM, "test_stats.py": ODD_TEST})
    command, _ = agent(
        lambda request: Reply(FITTED if asks_chat(request) else "return sum(values) / len(values)")
    )
    arguments = ("run", TASK, "--repo", str(repo), "--test", PYTEST, *SMALL_MODEL, "--output", "json")
    outcome = command(*arguments)
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "stats.py").read_text() == FIXED
    chosen, fitted = outcome.result["selection"]["survivors"]
    assert chosen["id"].startswith("fim-")
    assert fitted["id"].startswith("correct-")
    assert fitted["objections"]


METER = """\
class Meter:
    def __init__(self):
        self.read = lambda values: values

    def mean(self, values):
        return sum(self.read(values))
"""
METER_TEST = """\
from stats import Meter


def test_mean():
    assert Meter().mean([1, 2, 3]) == 2


def test_one():
    assert Meter().mean([5]) > 0
"""


def test_the_search_goes_on_where_a_test_that_passed_sees_another_value(tmp_path: Path, agent):
    """The receiver cannot be recorded, so the values are seen in the tests alone."""
    right = "return sum(self.read(values)) // len(values)"
    repo = make_repository(tmp_path / "repo", {"stats.py": METER, "test_stats.py": METER_TEST})
    command, _ = agent(lambda request: Reply("return 2" if asks_chat(request) else right))
    arguments = ("run", TASK, "--repo", str(repo), "--test", PYTEST, *SMALL_MODEL, "--output", "json")
    outcome = command(*arguments)
    assert outcome.exit_code == 0, outcome.stderr
    assert right in (repo / "stats.py").read_text()
    chosen, fitted = outcome.result["selection"]["survivors"]
    assert (chosen["objections"], chosen["fitted"], fitted["fitted"]) == ([], False, True)
    assert fitted["objections"] == [
        "in test_stats.py::test_one, which passed, Meter.mean returns 2 in place of 5"
    ]
    assert chosen["group"] != fitted["group"]


def test_what_is_fitted_to_the_test_is_taken_where_nothing_else_passes_and_that_is_said(
    tmp_path: Path, agent
):
    repo = make_repository(tmp_path / "repo", {"stats.py": NO_SUM, "test_stats.py": ODD_TEST})
    command, server = agent(lambda request: Reply(FITTED if asks_chat(request) else "???"))
    outcome = command("run", TASK, "--repo", str(repo), "--test", PYTEST, *SMALL_MODEL)
    assert outcome.exit_code == 0, outcome.stderr
    assert "against it: it names 14, 25, 3 as the failing test's input does" in outcome.stdout
    assert " filled" in outcome.stderr
    assert "14 if" in (repo / "stats.py").read_text()
    batches = sum("The fault is in" in request.prompt for request in server.calls)
    assert 0 < batches < 10


@pytest.mark.parametrize(
    "fault", [Fault.status(400), Fault.hang(90.0)], ids=["the server fails", "the time is over"]
)
def test_what_is_kept_is_published_where_the_search_for_better_fails(tmp_path: Path, agent, fault: Fault):
    repo = make_repository(tmp_path / "repo", {"stats.py": NO_SUM, "test_stats.py": ODD_TEST})
    command, _ = agent(lambda request: Reply(FITTED) if asks_chat(request) else fault)
    options = ("--max-time", "20", *SMALL_MODEL)
    outcome = command("run", TASK, "--repo", str(repo), "--test", PYTEST, *options)
    assert outcome.exit_code == 0, outcome.stderr
    assert "nothing better is looked for" in outcome.stderr
    assert "14 if" in (repo / "stats.py").read_text()


def test_those_left_of_a_batch_are_tried_where_the_first_that_fix_the_test_break_another(
    tmp_path: Path, agent
):
    test = f"{TEST}\n\ndef test_one():\n    assert mean([7]) == len([7]) or mean([7]) == 7\n"
    repo = make_repository(tmp_path / "repo", {"stats.py": NO_SUM, "test_stats.py": test})
    answers = [f"return {n} - {n - 2}" for n in range(3, 8)] + ["return sum(values) / len(values)"]

    def script(request: Request) -> Reply:
        if asks_chat(request):
            return Reply("nothing that helps")
        count = (request.body.get("n") or 1) * len(request.body["prompt"])
        return Reply(texts=[answers[place % len(answers)] for place in range(count)], logprob=-0.5)

    command, _ = agent(script)
    outcome = command("run", TASK, "--repo", str(repo), "--test", PYTEST, *SMALL_MODEL)
    assert outcome.exit_code == 0, outcome.stderr
    assert "sum(values) / len(values)" in (repo / "stats.py").read_text()


def test_no_more_candidates_are_tried_than_allowed_and_that_is_said(tmp_path: Path, agent):
    repo = make_repository(tmp_path / "repo", {"stats.py": NO_SUM, "test_stats.py": TEST})
    command, _ = agent(lambda request: Reply(f"return {zlib.crc32(request.prompt.encode())}"))
    settings = tmp_path / "home" / ".config" / "moot" / "moot.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("max_candidates = 2\n")
    arguments = ("--test", PYTEST, *SMALL_MODEL, "--output", "stream-json")
    outcome = command("run", TASK, "--repo", str(repo), *arguments)
    assert outcome.exit_code == 1, outcome.stderr
    events = events_of(outcome.stdout)
    said = [
        one["text"] for one in events if one["event"] == "Notice" and "MOOT_MAX_CANDIDATES" in one["text"]
    ]
    assert len(said) == 1
    tried = [one for one in events if one["event"] == "CandidateProposed"]
    assert 0 < sum(not one["candidate"]["id"].startswith("chat") for one in tried) <= 2


@pytest.mark.parametrize("limit", [2_000, 8_000])
def test_a_batch_cannot_overrun_the_tokens(tmp_path: Path, agent, limit: int):
    repo = make_repository(tmp_path / "repo", {"stats.py": NO_SUM, "test_stats.py": TEST})
    command, server = agent(lambda request: Reply("nothing that helps " * 50))
    arguments = ("--max-tokens", str(limit), "--output", "json")
    outcome = command("run", TASK, "--repo", str(repo), "--test", PYTEST, *SMALL_MODEL, *arguments)
    assert outcome.exit_code == 4, outcome.stderr
    assert "--max-tokens" in outcome.error
    tokens = json.loads(outcome.stdout)["tokens"]
    assert 0 < tokens["prompt"] + tokens["completion"] <= limit
    assert server.calls


@pytest.mark.parametrize("chat", [False, True], ids=["infills", "corrections"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_run_is_resumed_that_was_stopped_in_a_batch(tmp_path: Path, agent, sent, chat: bool):
    repo = make_repository(tmp_path / "repo", {"stats.py": NO_SUM, "test_stats.py": TEST})
    before, stopped = snapshot(repo), []

    def script(request: Request) -> Reply | Fault:
        if asks_chat(request) == chat and len(stopped) < 2:
            stopped.append(request)
            return Fault.hang(30.0)
        if asks_chat(request):
            return Reply(REWRITTEN.format(FIXED))
        return Reply("return sum(values) / len(values)" if stopped else "???")

    command, _ = agent(script)
    arguments = ("--test", PYTEST, *SMALL_MODEL, "--output", "stream-json")
    process = command.start("run", TASK, "--repo", str(repo), *arguments)
    deadline = time.monotonic() + 60
    while not stopped and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(sent)
    rest, _ = process.communicate(timeout=30)
    final = json.loads(rest.splitlines()[-1])
    assert (process.returncode, final["status"]) == (130, "interrupted")
    assert snapshot(repo) == before

    stopped += [None, None]
    outcome = command.resume(repo, final["run_id"])
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "stats.py").read_text() == FIXED
    assert git(repo, "status", "--porcelain") == ""
