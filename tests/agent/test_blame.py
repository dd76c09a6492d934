"""`agent blame-test`: the real command on real repositories, with the tools of each language."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.agent.projects import BUGGY, PYTEST, TEST, Agent, git, make_repository, snapshot
from tests.agent.repair.seeded import CARGO, GOLANG, NODE, PYTHON, Seeded

RUST_HOMES = {"RUSTUP_HOME": ".rustup", "CARGO_HOME": ".cargo"}
PRICES_TEST = """\
import pytest
from prices import total


def test_sum():
    assert total([1, 2], 0) == 3


@pytest.mark.parametrize("discount", [0, 1, 2])
def test_lower(discount):
    assert total([5], discount) == 5 - discount


@pytest.mark.skip
def test_later(): ...
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo", {"prices.py": PYTHON, "test_prices.py": PRICES_TEST})


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    (tmp_path / "home").mkdir()
    return Agent(tmp_path / "home")


def blame(agent: Agent, repo: Path, test: str, command: str = PYTEST, *more: str) -> dict:
    outcome = agent("blame-test", test, "--repo", str(repo), "--test", command, "--output", "json", *more)
    assert outcome.exit_code == 0, outcome.stderr
    return json.loads(outcome.stdout)


def test_the_line_that_only_the_failing_test_executes_comes_first(agent, repo):
    before = snapshot(repo)
    found = blame(agent, repo, "test_prices.py::test_lower[1]")
    first = found["suspects"][0]
    assert (first["path"], first["line"], first["text"]) == ("prices.py", 6, "result = result + discount")
    assert (first["rank"], first["failed"], first["passed"], first["days"]) == (1, 1, 0, 0)
    assert first["definition"] == "total"
    assert "discount" in first["named"]
    assert found["measured"] is True
    assert "coverage.py" in found["method"]
    assert found["failing"] == ["test_prices.py::test_lower[1]"]
    assert snapshot(repo) == before
    assert not list((agent.home / "data").glob("blame-*"))


def test_folders_too_deep_for_calls_are_removed(agent, tmp_path):
    deep = """\
import os

from prices import total


def test_deep():
    top = os.getcwd()
    for _ in range(1_100):
        os.makedirs("deep", exist_ok=True)
        os.chdir("deep")
    os.chdir(top)
    assert total([5], 1) == 4
"""
    repo = make_repository(tmp_path / "deep", {"prices.py": PYTHON, "test_deep.py": deep})
    assert blame(agent, repo, "test_deep.py::test_deep")["suspects"]
    assert not list((agent.home / "data").glob("blame-*"))


@pytest.mark.parametrize("name", ["test_prices.py::test_lower", "test_prices.py"])
def test_a_name_above_means_all_that_fail_below_it(agent, repo, name):
    found = blame(agent, repo, name)
    assert found["failing"] == [f"test_prices.py::test_lower[{number}]" for number in (1, 2)]
    assert found["suspects"][0]["failed"] == 2


def test_a_table_for_a_person(agent, repo):
    outcome = agent.installed(
        "blame-test", "test_prices.py::test_lower[1]", "--repo", str(repo), "--test", PYTEST
    )
    assert outcome.exit_code == 0, outcome.stderr
    rows = [line.split() for line in outcome.stdout.splitlines()]
    assert rows[1] == ["total"]
    assert rows[2][:2] == ["1", "prices.py:6"]
    assert "run by 1 failing, 0 passing" in outcome.stdout
    assert "lines that the failing tests execute, by coverage.py" in outcome.stdout
    assert "measure: which lines" in outcome.stderr


def test_a_narrow_terminal_shows_whole_places(agent, repo, monkeypatch):
    monkeypatch.setattr(Agent, "environment", {**agent.environment, "COLUMNS": "60"})
    outcome = agent("blame-test", "test_prices.py::test_lower[1]", "--repo", str(repo), "--test", PYTEST)
    assert "1  prices.py:6  " in outcome.stdout


def test_so_many_lines(agent, repo):
    found = blame(agent, repo, "test_prices.py::test_lower[1]", PYTEST, "--top", "2")
    assert len(found["suspects"]) == 2
    assert found["total"] > 2


def test_one_function_does_not_drown_the_others(agent, tmp_path):
    lines = "\n".join(f"    value = value + {number}" for number in range(30))
    source = (
        f"def long(value):\n{lines}\n    return value\n\n\ndef short(value):\n    return long(value) * 2\n"
    )
    test = "from m import short\n\n\ndef test_m():\n    assert short(1) == 1\n"
    repo = make_repository(tmp_path / "repo", {"m.py": source, "test_m.py": test})
    found = blame(agent, repo, "test_m.py::test_m")
    assert {each["definition"] for each in found["suspects"][:4]} == {"long", "short"}


@pytest.mark.parametrize("project", [pytest.param(each, id=each.name) for each in (NODE, GOLANG, CARGO)])
def test_other_languages(agent, tmp_path, monkeypatch, project: Seeded):
    homes = {name: os.environ.get(name, str(Path.home() / folder)) for name, folder in RUST_HOMES.items()}
    monkeypatch.setattr(Agent, "environment", {**agent.environment, **homes})
    repo = make_repository(tmp_path / "repo", project.files)
    found = blame(agent, repo, project.test, project.command)
    places = [(each["path"], each["line"], each["text"]) for each in found["suspects"][:3]]
    assert (project.path, project.line, project.bug) in places
    if project.measured:
        assert found["measured"] is True


def test_the_command_is_found(agent, tmp_path):
    repo = make_repository(tmp_path / "repo", GOLANG.files)
    outcome = agent("blame-test", GOLANG.test, "--repo", str(repo / "shop"), "--output", "json")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["command"] == "go test ./..."


def test_without_coverage_it_says_so(agent, repo):
    """A command that cannot be taken apart, of a language whose tracer cannot be loaded by environment."""
    files = {**GOLANG.files, "check.sh": "go test -json ./... > out.json; cat out.json; exit 1\n"}
    del repo
    repo = make_repository(agent.home / "go", files)
    outcome = agent("blame-test", GOLANG.test, "--repo", str(repo), "--test", "sh check.sh")
    assert outcome.exit_code == 2
    assert "names no single tests" in outcome.error


def test_edits_that_did_not_run_are_named(agent, repo):
    (repo / "prices.py").write_text(PYTHON.replace("+ discount", "- discount"))
    outcome = agent("blame-test", "test_prices.py::test_lower[1]", "--repo", str(repo), "--test", PYTEST)
    assert outcome.exit_code == 0
    assert "your edits of prices.py did not run" in outcome.stderr


def test_a_line_cannot_write_to_the_terminal(agent, tmp_path):
    source = BUGGY.replace("    return", "    x = '\x1b[31mred'\n    return")
    repo = make_repository(tmp_path / "repo", {"stats.py": source, "test_stats.py": TEST})
    outcome = agent("blame-test", "test_stats.py::test_mean", "--repo", str(repo), "--test", PYTEST)
    assert outcome.exit_code == 0, outcome.stderr
    assert "red" in outcome.stdout
    assert "\x1b" not in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("test_prices.py::test_sum",), 1, "test_prices.py::test_sum passes: there is nothing to explain"),
        (("test_prices.py::test_later",), 1, "test_prices.py::test_later is skipped"),
        (
            ("test_prices.py::test_lowr",),
            2,
            "there is no test test_prices.py::test_lowr: did you mean test_prices.py::test_lower[",
        ),
        (("zzz",), 2, "there is no test zzz"),
        (("gone.py::test_a",), 2, "there is no test gone.py::test_a: HEAD has no file gone.py"),
        pytest.param(("a" * 300,), 2, "there is no test aaa", id="a long name"),
        pytest.param(("a" * 300 + ".py::test_a",), 2, "HEAD has no file aaa", id="a long file"),
        (("test_a", "--test", "nonesuch-program"), 2, "could not be started"),
        (("test_a", "--test", "true"), 2, "names no single tests"),
        (("test_a", "--test", "false"), 2, "names no single tests"),
        (("test_a", "--repo", "/"), 2, "repository"),
    ],
)
def test_what_cannot_be_explained(agent, repo, arguments, code, said):
    given = ("--repo", str(repo), "--test", PYTEST) if len(arguments) == 1 else ("--repo", str(repo))
    outcome = agent("blame-test", arguments[0], *given, *arguments[1:])
    assert outcome.exit_code == code, outcome.stderr
    assert said in outcome.error
    assert outcome.stdout == ""


@pytest.mark.parametrize("arguments", [(), ("a", "--top", "0"), ("a", "--output", "xml"), ("a", "b")])
def test_bad_usage(agent, arguments):
    assert agent("blame-test", *arguments).exit_code == 2


def test_a_test_that_takes_too_long(agent, repo, monkeypatch):
    (repo / "test_prices.py").write_text("import time\n\n\ndef test_slow():\n    time.sleep(60)\n")
    git(repo, "commit", "-qam", "Slow")
    slow = Agent(agent.home)
    monkeypatch.setattr(Agent, "environment", {**agent.environment, "MOOT_TEST_TIMEOUT": "3"})
    outcome = slow("blame-test", "test_prices.py::test_slow", "--repo", str(repo), "--test", PYTEST)
    assert outcome.exit_code == 4
    assert "did not end within 3 s" in outcome.error


def test_no_sandbox(agent, repo, monkeypatch):
    environment = {**agent.environment, "MOOT_SANDBOX": "bubblewrap", "PATH": "/nonexistent"}
    monkeypatch.setattr(Agent, "environment", environment)
    outcome = agent.installed("blame-test", "test_prices.py::test_sum", "--repo", str(repo), "--test", PYTEST)
    assert outcome.exit_code in (2, 5), outcome.stderr  # git is missing there, too


def test_ctrl_c(agent, repo):
    (repo / "test_prices.py").write_text("import time\n\n\ndef test_slow():\n    time.sleep(60)\n")
    git(repo, "commit", "-qam", "Slow")
    arguments = ("blame-test", "test_prices.py::test_slow", "--repo", str(repo), "--test", PYTEST)
    process = agent.start(*arguments)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("tests: ")
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert not list((agent.home / "data").glob("blame-*"))
