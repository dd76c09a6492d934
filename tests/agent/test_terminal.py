"""What a person sees of a run, and what a terminal, a pipe or an impatient user do to it."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from moot.agent.terminal import LAYOUT, UNDECODED, printable
from tests.agent.projects import FIX, PYTEST, TASK, Agent, asking, git, make_repository, snapshot
from tests.scripted import Call, Reply


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def agent(tmp_path, serve):
    """Return the command against a server that answers with these replies."""

    def make(*replies, **options) -> Agent:
        server = serve(list(replies), **{"tools": False, **options})
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        return Agent(home, server.base_url)

    return make


@pytest.mark.parametrize(
    ("text", "keep", "shown"),
    [
        ("a\tb\nc\r", "", "a b c "),
        ("a\tb\r\nc", LAYOUT, "a\tb\nc"),
        ("\x1b[2K\x07\x9b", LAYOUT, "␛[2K␇\ufffd"),
        ("if x:\u202e # \u2066", "", "if x:\ufffd # \ufffd"),
        ("naïve\xa0—  👩\u200d💻 نمی\u200cشود", "", "naïve\xa0—  👩\u200d💻 نمی\u200cشود"),
        ("\udcff", "", "\ufffd"),
        ("\udcff", UNDECODED, "\udcff"),
    ],
)
def test_what_controls_a_terminal_is_seen_and_nothing_else_is_changed(text, keep, shown):
    assert printable(text, keep) == shown


WORKFLOW = "<<<<<<< SEARCH .github/workflows/ci.yml\n=======\non: push\x1b[8m\n>>>>>>> REPLACE\n"
"""Its last characters would hide what follows on a terminal."""


@pytest.mark.parametrize(
    ("typed", "exit_code"), [("y\n", 0), ("n\n", 5), ("\n", 5), ("what?\nyes\n", 0), ("\x04", 5)]
)
def test_a_risky_edit_is_asked_about_on_a_terminal(repo, agent, typed, exit_code):
    before = snapshot(repo)
    with asking(agent(*[Reply(FIX + WORKFLOW)] * 9), repo) as (process, main, shown):
        assert b"on: push" in shown
        assert b"\x1b[8m" not in shown
        assert b"changes CI" in shown
        for line in typed.splitlines(keepends=True):
            os.write(main, line.encode())
            time.sleep(0.2)  # a terminal gives a line at a time
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == exit_code
    assert json.loads(stdout)["exit_code"] == exit_code
    assert (snapshot(repo) == before) is (exit_code == 5)


def test_what_was_typed_before_the_question_approves_nothing(repo, agent):
    before = snapshot(repo)
    with asking(agent(*[Reply(FIX + WORKFLOW)] * 9), repo, typed=b"y\n") as (process, main, _):
        os.write(main, b"n\n")
        process.communicate(timeout=60)
    assert process.returncode == 5
    assert snapshot(repo) == before


def test_a_question_ends_with_ctrl_c_and_with_the_time(repo, agent):
    command = agent(*[Reply(FIX + WORKFLOW)] * 18)
    with asking(command, repo) as (process, _, _):
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(stdout)["status"]) == (130, "interrupted")
    with asking(command, repo, "--max-time", "20") as (process, _, _):
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "allow more with --max-time" in json.loads(stdout)["reason"]


def test_time_counts_from_the_connection_on(repo, agent):
    """The server takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = Agent(agent().home, f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
        began = time.monotonic()
        outcome = command.run(repo, "--max-time", "2")
    assert outcome.exit_code == 4
    assert time.monotonic() - began < 15


def test_nobody_listening_to_the_result_does_not_change_the_exit_code(repo, agent):
    """Text goes through Rich, which ends the program by itself where a pipe is closed."""
    command = agent(Reply(FIX))
    with command.start("run", TASK, "--repo", str(repo), "--test", PYTEST) as process:
        process.stdout.close()
        process.stderr.read()
        assert process.wait(60) == 0
    assert "len(values)\n" in (repo / "stats.py").read_text()


@pytest.mark.parametrize("output", ["text", "json"])
def test_who_reads_no_result_is_told_all_the_same_why_a_run_failed(repo, agent, output):
    command = agent(*[Reply("nothing")] * 9)
    options = ("--repo", str(repo), "--no-verify", "--output", output)
    with command.start("run", TASK, *options) as process:
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == 1
    assert "error: the model proposed no edit that applies" in said


def test_the_name_of_a_tool_is_the_models_and_no_markup(repo, agent):
    call = Reply(tool_calls=[Call("grep[/x]\x1b[8m", "{}")])
    outcome = agent(call, Reply(""), Reply(FIX), tools=True)(
        "run", TASK, "--repo", str(repo), "--test", PYTEST
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert "grep[/x]\N{SYMBOL FOR ESCAPE}[8m" in outcome.stderr


def test_a_file_whose_name_is_no_text_is_told_as_json(repo, agent):
    """The model is shown the names of files before it looks anything up."""
    odd = os.fsdecode(b"mean_\xff.py")
    (repo / odd).write_text("def mean_of(values):\n    return values\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "odd")
    command = agent(Reply(""), Reply(FIX), tools=True)
    done = subprocess.run(
        [
            command.program,
            "run",
            f"{TASK} mean_of",
            "--repo",
            repo,
            "--test",
            PYTEST,
            "--output",
            "stream-json",
        ],
        env={**command.environment, "PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    [found] = [event["files"] for event in events if event["event"] == "FilesConsidered"]
    assert odd in [file["path"] for file in found]


@pytest.mark.parametrize("words", [["fusion", "stats"], ["index", "--help"], ["doctor"]])
def test_an_output_that_cannot_be_written_is_told(agent, repo, words):
    command = agent()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [command.program, *words],
            cwd=repo,
            env=command.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_who_reads_the_beginning_alone_is_told_nothing(agent, repo):
    command = agent()
    words = [command.program, "run", "--help"]
    with subprocess.Popen(
        words, env=command.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        run.stdout.close()
        assert run.stderr is not None
        assert run.stderr.read() == b""
    assert run.returncode == 1


@pytest.mark.parametrize(("closed", "exit_code"), [("<&-", 5), ("2>&-", 0), (">&-", 0), ("<&- >&- 2>&-", 5)])
def test_a_stream_that_is_closed_is_one_that_nobody_reads_or_writes(repo, agent, closed, exit_code):
    """Without input a question is a refusal, and what belongs on standard error is on no other stream."""
    risky = exit_code == 5
    command = agent(Reply(WORKFLOW if risky else FIX))
    words = [command.program, "run", TASK, "--repo", str(repo), "--output", "json"]
    words += ["--no-verify"] if risky else ["--test", PYTEST]
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *words],
        env=command.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code, done.stderr
    if ">&-" not in closed.replace("2>&-", ""):
        assert json.loads(done.stdout)["exit_code"] == exit_code


def test_what_is_said_to_nobody_changes_no_exit_code(agent):
    command = agent(Reply(FIX))
    words = [command.program, "symbols", "x", "--repo", "/café"]
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for closed in ("", "2>&-"):
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *words],
            env=command.environment | ascii_only,
            check=False,
        )
        assert done.returncode == 2


def test_a_task_is_not_expanded_by_make(tmp_path):
    """A report that somebody else wrote may hold what make would run."""
    program = tmp_path / "venv" / "bin" / "agent"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nfor word in "$@"; do echo "[$word]"; done\n')
    program.chmod(0o755)
    (tmp_path / "pyproject.toml").touch()
    program.with_name("python").touch()
    (tmp_path / "venv" / ".installed").touch()
    task = "it costs $5: $(shell touch made) `touch made`"
    words = ["make", "-s", "-f", Path(__file__).parents[2] / "Makefile", "run"]
    done = subprocess.run(
        [*words, f"VENV={tmp_path}/venv", "REPO=a $(shell touch made)b", f"TASK={task}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"[{task}]" in done.stdout, done.stderr
    assert "[a $(shell touch made)b]" in done.stdout
    assert not (tmp_path / "made").exists()
