"""What the tests say of the base: kept for the next run on the same files, and flaky told from failing."""

import asyncio
import json
import sys
import threading
from pathlib import Path

import pytest

from moot.agent.core import events as e
from moot.agent.core.config import Settings
from moot.agent.core.messages import Usage
from moot.agent.git.repository import GitRepository
from moot.agent.graph.baseline import Taken, take_baseline
from moot.agent.graph.deps import Deps
from moot.agent.graph.limits import Limits
from moot.agent.verify.baselines import Baselines
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.agent.projects import BUGGY, FIX, PYTEST, TASK, TEST, Agent, git, make_repository
from tests.scripted import Reply

FIRST_FAILS = """\
from pathlib import Path


def test_second_time():
    place = Path(".pytest_cache/runs")
    place.parent.mkdir(exist_ok=True)
    runs = int(place.read_text()) if place.exists() else 0
    place.write_text(str(runs + 1))
    assert runs in (1, 2, 3)
"""
ORDERED = """\
SEEN = []


def test_first():
    SEEN.append(1)


def test_after():
    assert not SEEN
"""
FIXTURE = """\
import unittest

SEEN = []


class A(unittest.TestCase):
    def test_first(self):
        SEEN.append(1)


class B(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        assert not SEEN

    def test_b(self):
        pass


class C(unittest.TestCase):
    def test_after(self):
        self.assertFalse(SEEN)
"""
USELESS = (
    "<<<<<<< SEARCH stats.py\n"
    "    return sum(values) / len(values)\n"
    "=======\n"
    "    return sum(list(values)) / len(values)\n"
    ">>>>>>> REPLACE\n"
)


@pytest.fixture
def agent(tmp_path, serve):
    def make(answer: str = FIX) -> Agent:
        (tmp_path / "home").mkdir(exist_ok=True)
        return Agent(tmp_path / "home", serve(lambda request: Reply(answer), tools=False).base_url)

    return make


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


def run(agent: Agent, repo: Path, *options: str, test: str = PYTEST) -> tuple[int, dict]:
    """Return how often the suite ran on the base, and the result; nothing is published."""
    given = ("--test", test, "--output", "stream-json", "--dry-run", *options)
    outcome = agent("run", TASK, "--repo", str(repo), *given)
    events = [json.loads(line) for line in outcome.stdout.splitlines()]
    started = [e for e in events if e["event"] == "TestsStarted" and e["candidate"] is None]
    return len(started), events[-1]


def test_the_second_run_on_the_same_files_knows_the_base(agent, repo):
    agent = agent()
    ran, first = run(agent, repo)
    assert ran > 0
    assert first["tests"]["baseline_from"] is None
    git(repo, "commit", "-q", "--allow-empty", "-m", "Same files")
    ran, second = run(agent, repo)
    assert ran == 0
    assert second["base"] != first["base"]
    assert second["tests"]["baseline_from"].startswith("20")
    same = ("before", "fixed", "failed_before", "verified")
    assert {name: second["tests"][name] for name in same} == {name: first["tests"][name] for name in same}


@pytest.fixture
def base(tmp_path, repo):
    """Return what takes a baseline of the repository's HEAD, and tells how often the suite ran for it."""

    def take(command: str = PYTEST, **settings) -> tuple[int, Taken]:
        repository = GitRepository.open(repo, tmp_path / "data")
        given = Settings(data_dir=tmp_path / "data", **settings)
        seen: list[e.Event] = []
        deps = Deps(
            settings=given,
            repository=repository,
            index=None,
            packer=None,
            client=None,
            runner=TestRunner(choose("auto"), repo, given.test_timeout),
            generation=None,
            limits=Limits(given, Usage),
            emit=seen.append,
            folder=tmp_path / "run",
            council=None,
            baselines=Baselines(tmp_path / "data" / "baselines", ["this sandbox"]),
        )
        taken = asyncio.run(take_baseline(command, repository.head, deps))
        return sum(isinstance(event, e.TestsStarted) for event in seen), taken

    return take


def test_it_is_run_again_when_asked(base):
    assert not base()[1].cached
    assert base() == (0, Taken(base()[1].baseline, cached=True))
    ran, taken = base(fresh_baseline=True)
    assert ran > 0
    assert not taken.cached


def test_other_files_or_another_command_are_not_known(base, repo):
    base()
    assert base(f"{PYTEST} -x")[0] > 0
    (repo / "new.txt").write_text("another tree\n")
    git(repo, "add", "new.txt")
    git(repo, "commit", "-q", "-m", "Another tree")
    assert base()[0] > 0


def test_an_extension_that_is_built_meanwhile_is_noticed(base, repo):
    """It is not under version control, and copied to where the tests run."""
    base()
    (repo / "fast.so").write_bytes(b"built")
    assert base()[0] > 0
    assert base()[0] == 0
    (repo / "fast.so").write_bytes(b"built anew")
    assert base()[0] > 0
    (repo / "fast.c").write_text("int changed;\n")
    assert base()[0] > 0


def test_a_changed_program_is_noticed(base, tmp_path):
    program = tmp_path / "tool" / "bin" / "check"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {PYTEST} "$@"\n')
    program.chmod(0o755)
    command = f"{sys.executable} -V && {program}"
    base(command)
    assert base(command)[0] == 0
    program.write_text(f'#!/bin/sh\nexec {PYTEST} -rA "$@"\n')
    assert base(command)[0] > 0


def test_a_program_that_is_upgraded_meanwhile_leaves_nothing(base, tmp_path):
    program = tmp_path / "tool" / "bin" / "check"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\nsleep 2; exec {PYTEST}\n")
    program.chmod(0o755)
    upgrade = threading.Timer(1, lambda: (program.parent / "more").write_text("new\n"))
    upgrade.start()
    base(str(program))
    upgrade.join()
    assert list((tmp_path / "data").glob("baselines/*")) == []


@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b"no gzip at all"])
def test_a_damaged_one_is_taken_anew(base, tmp_path, damage):
    base()
    (file,) = (tmp_path / "data").glob("baselines/*")
    file.write_bytes(damage(file.read_bytes()))
    assert base()[0] > 0
    assert base()[0] == 0


def test_one_that_did_not_end_is_not_kept(base, repo, tmp_path):
    (repo / "test_slow.py").write_text("import time\n\n\ndef test_slow():\n    time.sleep(60)\n")
    git(repo, "add", "test_slow.py")
    git(repo, "commit", "-q", "-m", "Slow")
    assert base(test_timeout=2)[1].baseline.report.status == "timeout"
    assert list((tmp_path / "data").glob("baselines/*")) == []


def test_a_flaky_test_is_told_from_a_failing_one(base, repo):
    """All run, then what failed, then all again since one passed by itself."""
    (repo / "test_flaky.py").write_text(FIRST_FAILS)
    git(repo, "add", "test_flaky.py")
    git(repo, "commit", "-q", "-m", "Flaky")
    ran, taken = base()
    assert ran == 3
    assert taken.baseline.report.failed == {"test_flaky.py::test_second_time", "test_stats.py::test_mean"}
    assert taken.baseline.flaky == ("test_flaky.py::test_second_time",)
    assert base() == (0, Taken(taken.baseline, cached=True))


def test_a_fixture_that_passes_alone_makes_no_test_beside_it_flaky(base, repo):
    """Then more runs again than what failed, but not all: what passes so is run with the others, too."""
    (repo / "test_fixture.py").write_text(FIXTURE)
    git(repo, "add", "test_fixture.py")
    git(repo, "commit", "-q", "-m", "Fixture")
    ran, taken = base(f"{sys.executable} -m unittest test_fixture")
    assert ran == 3
    assert taken.baseline.report.failed == {"setUpClass (test_fixture.B)", "test_fixture.C.test_after"}
    assert taken.baseline.flaky == ()


def test_a_flaky_test_of_the_base_decides_nothing(agent, tmp_path):
    files = {"stats.py": BUGGY, "test_stats.py": TEST, "test_flaky.py": FIRST_FAILS}
    repo = make_repository(tmp_path / "repo", files)
    _, result = run(agent(), repo)
    assert result["tests"]["flaky"] == ["test_flaky.py::test_second_time"]
    assert result["tests"]["fixed"] == ["test_stats.py::test_mean"]
    assert result["exit_code"] == 0


def test_a_test_that_fails_with_the_others_each_time_is_no_flaky_one(agent, tmp_path):
    """Else an edit that does nothing would pass."""
    repo = make_repository(
        tmp_path / "repo",
        {"stats.py": BUGGY.replace("(len(values) - 1)", "len(values)"), "test_ordered.py": ORDERED},
    )
    _, result = run(agent(USELESS), repo)
    assert result["tests"]["before"]["failed"] == ["test_ordered.py::test_after"]
    assert result["tests"]["flaky"] == []
    assert result["exit_code"] == 1
