"""How often a test is written that shows a real bug, from its stack trace alone.

    PYTHONPATH=. python tests/bench/repair/reproducing.py REPOSITORIES WORK [--half tune|report] [--bugs N]
        [--languages python,javascript,go]

Of the bugs whose tests fail by an error that the library raises, the trace is the report, without the frames
of tests; the repository is the bug's parent without the fix's tests. A run ends when its first steps have
ended. A test that is written fails as reported before the fix; it is right if it passes with the developers'.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from moot.agent.core.config import load_settings
from moot.agent.core.testfiles import is_test
from moot.agent.repair.source import Source
from moot.agent.repair.trace import read_trace
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.bench.bench_repair import TESTS, model_server, prepare, test_command
from tests.bench.repair.bugs import Bug, Tree, load

_FRAME = re.compile(r'  File "(?P<path>[^"]+)", line \d+, in .*\n(?:    .*\n)*')
_CALL = re.compile(r"\s+at .*[(/](?P<path>[\w./-]+\.\w+):\d+:\d+\)?\n")
_WRITTEN = re.compile(r"(?P<test>\S.*) was written to show ")
_SECONDS = 300.0


@dataclass(frozen=True)
class Shown:
    """What came of a trace: the test that was written, and whether the developers' fix makes it pass."""

    test: str
    seconds: float
    right: bool = False


def main() -> int:
    """Print a line a bug, and the shares."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("repositories", type=Path)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("--half", choices=("tune", "report"), default="tune")
    arguments.add_argument("--bugs", type=int, default=1000)
    arguments.add_argument("--languages", default="python,javascript,go")
    given = arguments.parse_args()
    bugs = [bug for bug in load() if bug.split == given.half and bug.language in given.languages.split(",")]
    random.Random(1).shuffle(bugs)
    model_server()
    done: list[Shown] = []
    for bug in bugs[: given.bugs]:
        owner, name = bug.library.name.split("/")
        places = (given.repositories / owner / name, given.repositories / f"{owner}+{name}")
        if not any(place.exists() for place in places):
            print(f"{bug.id}: its library is not there", file=sys.stderr)
            continue
        tree = Tree.open(bug.library, given.repositories.resolve(), (given.work / "trees").resolve())
        folder = given.work.resolve() / "runs" / f"{bug.id}-trace"
        report = _report(tree, bug, folder / bug.library.name.rpartition("/")[2])
        if report is None:
            continue
        done.append(_attempt(tree, bug, folder / bug.library.name.rpartition("/")[2], report))
        print(f"{bug.id}: {_word(done[-1])} in {done[-1].seconds:.0f} s", flush=True)
    shown = sum(bool(each.test) for each in done)
    print(
        f"{len(done)} bugs with a trace, {shown} shown by a test, {sum(each.right for each in done)} rightly"
    )
    return 0


def _word(shown: Shown) -> str:
    return f"{shown.test}, {'right' if shown.right else 'fails with the fix'}" if shown.test else "not shown"


def _report(tree: Tree, bug: Bug, root: Path) -> str | None:
    """Return the trace of a failing test without the test; None where the library does not raise it."""
    prepare(tree, bug, root)
    command = f"{bug.command} --tb=native" if "pytest" in bug.command else bug.command
    report = asyncio.run(TestRunner(choose("auto"), root, TESTS).run(command, root, list(bug.failing)))
    files = _git(root, "ls-files").splitlines()

    def read(path: str) -> Source:
        return Source.parse(path, (root / path).read_bytes())

    for case in report.cases:
        text = _alone(case.message, root) if case.id in bug.failing else ""
        if read_trace(text, files, read):
            return text
    return None


def _alone(message: str, root: Path) -> str:
    """Return a trace from where the test calls the library; empty where it is the test that raises."""

    def calls(frame: "re.Match[str]") -> bool:
        path = frame["path"].removeprefix(f"{root}/")
        return is_test(path) or "site-packages" in path

    if python := list(_FRAME.finditer(message)):
        last = max((number for number, frame in enumerate(python) if calls(frame)), default=-1)
        if last + 1 == len(python):
            return ""
        return f"Traceback (most recent call last):\n{message[python[last + 1].start() :]}"
    if script := list(_CALL.finditer(message)):
        first = next((frame for frame in script if calls(frame)), None)
        return "" if first is script[0] else message[: first.start()] if first else message
    return message if "goroutine " in message else ""


def _attempt(tree: Tree, bug: Bug, root: Path, report: str) -> Shown:
    """Have the run begin on the parent; grade the test that it writes."""
    prepare(tree, bug, root, tests=False)
    began = time.monotonic()
    said = _begun(root, f"{bug.task}\n\n{report}", test_command(bug))
    seconds = time.monotonic() - began
    if said is None:
        return Shown("", seconds)
    test, workspace = said
    changed = [path for path in _git(root, "ls-files").splitlines() if _differs(workspace, root, path)]
    for path in changed:
        (root / path).write_bytes((workspace / path).read_bytes())
    (root / bug.path).write_bytes(tree.show(bug.commit, bug.path))
    after = asyncio.run(TestRunner(choose("auto"), root, TESTS).run(bug.command, root, changed))
    return Shown(test, seconds, test in after.passed)


def _begun(root: Path, task: str, test: str) -> tuple[str, Path] | None:
    """Return the test that a run writes first, and where its files are; None where it writes none."""
    agent = str(Path(sys.executable).parent / "agent")
    words = [agent, "run", "--repo", str(root), "--test", test, "--no-lint", "--output", "stream-json"]
    words += ["--max-time", str(_SECONDS), "--", task]
    path = f"{root / '.venv' / 'bin'}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path} | (
        {"PYTHONPATH": str(root / "src")} if (root / "src").is_dir() else {}
    )
    found, run = None, ""
    with subprocess.Popen(
        words, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            run = event.get("run_id", run)
            if event["event"] == "Notice" and (match := _WRITTEN.match(event["text"])):
                found = match["test"]
            if event["event"] == "StepFinished" and event["step"] == "reproduce":
                break
        os.killpg(process.pid, signal.SIGKILL)
    return (found, load_settings().data_dir / "runs" / run / "tree") if found else None


def _differs(workspace: Path, root: Path, path: str) -> bool:
    here, there = root / path, workspace / path
    return there.is_file() and here.is_file() and here.read_bytes() != there.read_bytes()


def _git(root: Path, *words: str) -> str:
    command = ["git", "-c", "safe.directory=*", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
