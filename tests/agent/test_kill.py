"""SIGKILL at any moment of a real run: nothing of the user's is lost, and resuming gives the same result.

The command is the real one, forked from a process that has it imported; git, SQLite and the graph are real.
After each kill the repository is as it was before, or as it is after a run, or the journal names the one
operation that was cut off and the next command finishes it.
"""

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from moot.agent.git.repository import GitRepository
from tests.agent.projects import BUGGY, FIX, FIXED, TASK, Agent, git, make_repository
from tests.agent.zygote import Zygote
from tests.scripted import Reply, ScriptedServer

RANDOM_KILLS, PARTS = 300, 3
WORKERS = 2

STEPS = ("index", "reproduce", "retrieve", "explore", "pack", "propose", "validate", "assess", "verify")
BOUNDARIES = [
    (event, step) for step in (*STEPS, "approve", "publish") for event in ("StepStarted", "StepFinished")
]

pytestmark = pytest.mark.timeout(900)

Moment = Callable[[int, Path], None]
"""Waits until it is time to kill: (process id, file with the events so far)."""


@dataclass
class Victim:
    """One repository with one run in it."""

    repo: Path
    home: Path
    base_url: str
    apply: str

    def start(self, zygote: Zygote, *arguments: str) -> int:
        return zygote.start(
            "run",
            *arguments,
            *("--repo", str(self.repo), "--test", "sh check.sh", "--sandbox", "none"),
            *("--apply", self.apply, "--output", "stream-json"),
            env=Agent(self.home, self.base_url).environment,
            stdout=self.out,
            stderr=self.home / "err",
        )

    @property
    def out(self) -> Path:
        return self.home / "out"

    @property
    def data(self) -> Path:
        return self.home / "data"

    def result(self) -> dict[str, Any]:
        return json.loads(self.out.read_text().splitlines()[-1])

    def run_id(self) -> str | None:
        """Return the id of the run, when it had begun so far that it can be resumed."""
        found = list((self.data / "runs").glob("*/run.json"))
        return found[0].parent.name if found else None

    def state(self) -> dict[str, Any]:
        """What a person sees of the repository, without ids that hold a time."""
        repo = self.repo
        files = {
            str(file.relative_to(repo)): file.read_bytes()
            for file in sorted(repo.rglob("*"))
            if file.is_file() and ".git" not in file.relative_to(repo).parts
        }
        return {
            "files": files,
            "status": git(repo, "status", "--porcelain=v2", "--untracked-files=all"),
            "refs": git(repo, "for-each-ref", "--format=%(refname:rstrip=-2) %(tree) %(parent)"),
            "head": (repo / ".git" / "HEAD").read_text(),
            "patches": [file.read_bytes() for file in self.data.glob("runs/*/changes.patch")],
        }

    def is_sound(self) -> None:
        """No object is damaged, and nothing is left in the user's git directory."""
        assert "error" not in git(self.repo, "fsck", "--strict", "--no-dangling")
        (private,) = self.data.glob("repos/*/git")
        assert "error" not in git(private, "fsck", "--strict", "--no-dangling")
        assert not list((self.repo / ".git").rglob("*.lock"))
        assert not (self.repo / ".git" / "moot").exists()


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with ScriptedServer(lambda _: Reply(FIX), tools=False) as server:
        yield server.base_url


@pytest.fixture(scope="module")
def zygotes() -> Iterator[SimpleQueue[Zygote]]:
    """Return those that are free: one for each worker."""
    free: SimpleQueue[Zygote] = SimpleQueue()
    with ExitStack() as stack:
        for _ in range(WORKERS):
            free.put(stack.enter_context(Zygote(adopt=True)))
        yield free


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Return what draws the moments; a test that fails shows the seed, which draws them again."""
    seed = os.environ.get("MOOT_KILL_SEED") or random.SystemRandom().randrange(10**9)
    print(f"MOOT_KILL_SEED={seed}")
    return random.Random(f"{seed} {request.node.name}")


class Range:
    """Makes victims, kills them, and checks what is left."""

    def __init__(self, folder: Path, base_url: str, apply: str, zygotes: SimpleQueue[Zygote]) -> None:
        self._folder, self._base_url, self._apply, self._zygotes = folder, base_url, apply, zygotes
        check = "grep -q '/ len(values)$' stats.py\n"
        self._template = make_repository(folder / "template", {"stats.py": BUGGY, "check.sh": check})
        self._before = self._victim("before").state()
        self._after, self.seconds = self._unharmed()
        self.outcomes: Counter[str] = Counter()

    def kill_all(self, moments: list[tuple[str, Moment]]) -> None:
        """Kill one victim at each moment; every second one with the processes that it started."""
        with ThreadPoolExecutor(WORKERS) as pool:
            jobs = [
                pool.submit(self._kill, f"{number}-{name}", moment, number % 2 == 0)
                for number, (name, moment) in enumerate(moments)
            ]
            for job in jobs:
                job.result()

    @contextmanager
    def _zygote(self) -> Iterator[Zygote]:
        """Take one that is free, and give it back when nothing runs that it started."""
        zygote = self._zygotes.get()
        try:
            yield zygote
        finally:
            zygote.wait_for_all()
            self._zygotes.put(zygote)

    def _victim(self, name: str) -> Victim:
        home = self._folder / name
        home.mkdir()
        shutil.copytree(self._template, home / "repo", symlinks=True)
        return Victim(home / "repo", home, self._base_url, self._apply)

    def _unharmed(self) -> tuple[dict[str, Any], float]:
        """Return what a run leaves when nobody kills it, and how long it takes."""
        victim = self._victim("unharmed")
        with self._zygote() as zygote:
            started = time.monotonic()
            victim.start(zygote, TASK)
            assert zygote.wait() == 0, (victim.home / "err").read_text()
            seconds = time.monotonic() - started
        victim.is_sound()
        in_place = self._apply in ("commit", "worktree")
        assert (victim.repo / "stats.py").read_text() == (FIXED if in_place else BUGGY)
        return victim.state(), seconds

    def _kill(self, name: str, moment: Moment, group: bool) -> None:
        victim = self._victim(name)
        with self._zygote() as zygote:
            process = victim.start(zygote, TASK)
            moment(process, victim.out)
            with suppress(ProcessLookupError):  # it may have ended
                (os.killpg if group else os.kill)(process, signal.SIGKILL)
            zygote.wait()
            self.outcomes[self._check_kill(victim)] += 1
            self._check_resumption(victim, zygote)
        shutil.rmtree(victim.home)

    def _check_kill(self, victim: Victim) -> str:
        """Check the repository right after the kill, and after the next command opened it."""
        state = victim.state()
        if state not in (self._before, self._after) or self._is_pending(victim):
            assert self._is_pending(victim), (victim.home, state)
            told = GitRepository.open(victim.repo, victim.data).recovered
            assert not self._is_pending(victim)
            halfway = state not in (self._before, self._after)
            state = victim.state()
            assert state == self._after if told or halfway else state in (self._before, self._after)
            return "halfway" if halfway else "pending"
        return "before" if state == self._before else "after"

    def _is_pending(self, victim: Victim) -> bool:
        return bool(list(victim.data.glob("repos/*/pending/*.json")))

    def _check_resumption(self, victim: Victim, zygote: Zygote) -> None:
        run_id = victim.run_id()
        if run_id is None:
            assert victim.state() == self._before
            victim.start(zygote, TASK)
        else:
            victim.start(zygote, "--resume", run_id)
        assert zygote.wait() == 0, (victim.home, (victim.home / "err").read_text())
        assert run_id in (None, victim.result()["run_id"])
        assert victim.result()["status"] == "done"
        assert victim.state() == self._after
        victim.is_sound()


def at(seconds: float) -> Moment:
    return lambda _process, _events: time.sleep(seconds)


def after(step: str, seconds: float) -> Moment:
    """Wait for the end of a step and then so long."""

    def wait(process: int, events: Path) -> None:
        when("StepFinished", step)(process, events)
        time.sleep(seconds)

    return wait


def when(event: str, step: str) -> Moment:
    """Wait for an event of the run."""
    line = f'{{"event": "{event}", "step": "{step}"'

    def wait(_process: int, events: Path) -> None:
        deadline = time.monotonic() + 60
        while not (events.exists() and line in events.read_text()):
            assert time.monotonic() < deadline, (line, events)
            time.sleep(0.002)

    return wait


def spread(chance: random.Random, count: int, end: float) -> list[float]:
    """Draw a moment in each of `count` equal parts of the time up to `end` seconds."""
    return [(number + chance.random()) / count * end for number in range(count)]


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_random_moments(
    tmp_path: Path, base_url: str, zygotes: SimpleQueue[Zygote], chance: random.Random, part: int
) -> None:
    """Half of the moments are spread over the run, the others over its publication and what follows it."""
    kills = RANDOM_KILLS // PARTS
    target = Range(tmp_path, base_url, "commit", zygotes)
    running = [at(seconds) for seconds in spread(chance, kills // 2, 1.2 * target.seconds)]
    publishing = [after("approve", seconds) for seconds in spread(chance, 2 * kills // 5, 0.4)]
    left = kills - len(running + publishing)
    ending = [after("publish", seconds) for seconds in spread(chance, left, 0.1)]
    target.kill_all([(f"random{part}", moment) for moment in [*running, *publishing, *ending]])
    print(dict(target.outcomes))
    assert sum(target.outcomes.values()) == kills
    assert target.outcomes["before"]
    assert target.outcomes["after"]


def test_killed_at_every_boundary_of_a_step(
    tmp_path: Path, base_url: str, zygotes: SimpleQueue[Zygote]
) -> None:
    target = Range(tmp_path, base_url, "commit", zygotes)
    target.kill_all([(f"{event}-{step}", when(event, step)) for event, step in BOUNDARIES])
    assert sum(target.outcomes.values()) == len(BOUNDARIES)


@pytest.mark.parametrize("apply", ["branch", "worktree", "patch"])
def test_killed_while_publishing_another_way(
    tmp_path: Path, base_url: str, zygotes: SimpleQueue[Zygote], chance: random.Random, apply: str
) -> None:
    target = Range(tmp_path, base_url, apply, zygotes)
    target.kill_all([("random", after("approve", seconds)) for seconds in spread(chance, 8, 0.15)])
    assert sum(target.outcomes.values()) == 8
