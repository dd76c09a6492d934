"""The command that is forked does what the installed program does, whatever of it is asked for."""

import re
import shutil

import pytest

from tests.agent.projects import FIX, Agent, Outcome, make_repository
from tests.scripted import Reply

GIT = """\
#!/bin/sh
{
    env -u _ | sort
    pwd
    umask
    grep -E '^(Sig(Ign|Blk|Cgt))' /proc/$PPID/status
    ls /proc/$PPID/fd
} > "$0.seen"
exec GIT "$@"
"""
"""Notes what the program that starts it hands on to it, and holds itself; then it is git."""


@pytest.fixture
def agent(tmp_path, serve):
    (tmp_path / "home").mkdir()
    return Agent(tmp_path / "home", serve(lambda _: Reply(FIX), tools=False).base_url)


@pytest.fixture(autouse=True)
def repo(tmp_path, monkeypatch):
    """Start the commands in a repository."""
    monkeypatch.chdir(make_repository(tmp_path / "repo"))


@pytest.mark.parametrize(
    "words",
    [
        *("", "--help", "nonesuch"),
        *("index", "search mean", "symbols mean", "context mean", "complete -", "blame-test zzz --test true"),
        *("run -", "run mean --no-verify --dry-run", "log", "show nope", "undo"),
        *("fuse hi -n 1", "fusion stats", "doctor", "model list", "model status"),
    ],
)
def test_both_say_the_same(agent, words):
    agent("index")
    installed = agent.installed(*words.split())
    assert told(agent(*words.split())) == told(installed)
    assert "Traceback" not in installed.stderr


def told(outcome: Outcome) -> tuple[int, str, str]:
    """Return what is the same in every run: no ids, times or sizes."""
    said = [re.sub(r"[\da-f]*\d[\d.a-f]*", "0", text) for text in (outcome.stdout, outcome.stderr)]
    return outcome.exit_code, said[0], said[1]


def test_both_run_under_the_same_conditions(agent, tmp_path, monkeypatch):
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(GIT.replace("GIT", shutil.which("git")))
    git.chmod(0o755)
    environment = agent.environment
    monkeypatch.setattr(Agent, "environment", environment | {"PATH": f"{git.parent}:{environment['PATH']}"})
    seen = []
    for start in (agent, agent.installed, agent):
        assert start("context", "mean").exit_code == 0
        seen.append((git.parent / "git.seen").read_text())
    assert seen[2] == seen[1]
