"""Repairs real bugs with moot and its peers, on one local model server, each with the same budget.

    PYTHONPATH=. python tests/bench/bench_repair.py REPOSITORIES WORK [--half tune|report] [--bugs N]
        [--minutes M] [--systems moot,debate,chat,aider,mini] [--outcomes FILE] [--table]

REPOSITORIES holds the libraries' git directories (`owner/name`), WORK takes trees, environments and runs.
Each system gets a repository of one commit, the bug's parent with the fix's tests, the report and the test
command. A repair is plausible if the fix's tests pass, and correct if it also equals the developer's fix but
for comments and layout, or passes every wider test that the fix passes; tests are put back before, also where
they were committed. Outcomes are added to a file of JSON lines; what it holds already of the same model and
minutes is not run again. AIDER and MINI name the programs.
"""

import argparse
import asyncio
import json
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from moot.agent.core.config import load_settings
from moot.agent.core.errors import SandboxUnavailable
from moot.agent.core.testfiles import is_test
from moot.agent.models.serving import running_server
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.bench.repair.bugs import Bug, Tree, load, runnable, same, solved
from tests.bench.repair.systems import SYSTEMS, Job, Server, start

TESTS = 300.0  # seconds of one run of the tests that grade
_COUNTER = re.compile(r"^vllm:(prompt|generation)_tokens_total(?:\{[^}]*\})? ([\d.e+]+)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What became of a bug in a system's hands; tokens are None where the server does not count them."""

    system: str
    bug: str
    model: str
    minutes: float
    plausible: bool
    correct: bool
    equal: bool
    changed: tuple[str, ...]
    exit_code: int
    seconds: float
    read: int | None
    written: int | None


@dataclass(frozen=True)
class Bench:
    """What all runs have in common."""

    repositories: Path
    work: Path
    server: Server
    minutes: float

    def of(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return the outcomes with its model and its budget."""
        mine = (self.server.model, self.minutes)
        return [each for each in outcomes if (each.model, each.minutes) == mine]


def main() -> int:
    """Run what is missing and print the table."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("repositories", type=Path)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("--half", choices=("tune", "report"), default="tune")
    arguments.add_argument("--bugs", type=int, default=1000)
    arguments.add_argument("--minutes", type=float, default=5.0)
    arguments.add_argument("--systems", default="moot,chat")
    arguments.add_argument("--languages", default="python,javascript,go")
    arguments.add_argument("--outcomes", type=Path)
    arguments.add_argument("--table", action="store_true", help="print what the outcomes say, run nothing")
    arguments.add_argument(
        "--check", action="store_true", help="grade the developers' fixes, without a model"
    )
    given = arguments.parse_args()
    systems = given.systems.split(",")
    if unknown := set(systems) - set(SYSTEMS):
        arguments.error(f"no such system: {', '.join(sorted(unknown))}")
    bugs = [bug for bug in load() if bug.split == given.half and bug.language in given.languages.split(",")]
    random.Random(1).shuffle(bugs)
    bugs = bugs[: given.bugs]
    if given.check:
        return _check(given.repositories.resolve(), given.work.resolve(), bugs)
    outcomes = given.outcomes or given.work / f"outcomes-{given.half}.jsonl"
    known = _read(outcomes)
    if given.table and not known:
        sys.exit(f"{outcomes} holds no outcomes: name a file that does with --outcomes")
    if not given.table:
        bench = Bench(given.repositories.resolve(), given.work.resolve(), model_server(), given.minutes)
        done = {(each.system, each.bug) for each in bench.of(known)}
        missing = [(bug, name) for bug in bugs for name in systems if (name, bug.id) not in done]
        _run(bench, missing, outcomes)
        known = bench.of(_read(outcomes))
    _print(known, systems, {bug.id for bug in bugs})
    return 0


def _check(repositories: Path, work: Path, bugs: Sequence[Bug]) -> int:
    """Grade the parent as it is and the developer's fix, which have to fail and to be correct."""
    wrong = 0
    for bug in bugs:
        tree = Tree.open(bug.library, repositories, work / "trees")
        root = prepare(tree, bug, work / "runs" / f"{bug.id}-check" / bug.library.name.rpartition("/")[2])
        before = grade(tree, bug, root, [bug.path])
        (root / bug.path).write_bytes(tree.show(bug.commit, bug.path))
        after = grade(tree, bug, root, changed_sources(root, bug, "HEAD"))
        good = not any(before) and all(after)
        wrong += not good
        print(f"{bug.id}: {'as it should be' if good else f'before {before}, after {after}'}", flush=True)
    return int(wrong > 0)


def model_server() -> Server:
    """Find the local server and what it serves."""
    running = running_server(load_settings().data_dir)
    if running is None:
        sys.exit("no model server is running: `agent model up`")
    with urllib.request.urlopen(f"{running.base_url}/models", timeout=10) as answer:
        return Server(running.base_url, json.load(answer)["data"][0]["id"])


def _run(bench: Bench, missing: Sequence[tuple[Bug, str]], outcomes: Path) -> None:
    for bug, system in missing:
        try:
            outcome = attempt(bench, bug, system)
        except (subprocess.SubprocessError, SandboxUnavailable) as exc:
            print(f"{bug.id} {system}: {exc} {getattr(exc, 'stderr', '')}", file=sys.stderr, flush=True)
            continue
        with outcomes.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
        print(f"{bug.id} {system}: {_word(outcome)} in {outcome.seconds} s", flush=True)


def _read(outcomes: Path) -> list[Outcome]:
    lines = outcomes.read_text(encoding="utf-8").splitlines() if outcomes.exists() else []
    read = TypeAdapter(Outcome)
    return [read.validate_json(line) for line in lines]


def _word(outcome: Outcome) -> str:
    return "correct" if outcome.correct else "plausible" if outcome.plausible else "not repaired"


def attempt(bench: Bench, bug: Bug, system: str) -> Outcome:
    """Give a bug to a system and grade what it leaves."""
    tree = Tree.open(bug.library, bench.repositories, bench.work / "trees")
    root = prepare(
        tree, bug, bench.work / "runs" / f"{bug.id}-{system}" / bug.library.name.rpartition("/")[2]
    )
    names = "\n".join(f"- {name}" for name in bug.failing[:5])
    task = f"{bug.task}\n\nThese tests fail:\n{names}"
    job = Job(root, task, test_command(bug), 60 * bench.minutes, bench.server, root.parent / "said")
    base, before = _git(root, "rev-parse", "HEAD").strip(), _tokens(bench.server)
    ended = start(system, job)
    after = _tokens(bench.server)
    if before and not after:
        sys.exit(f"the model server ended while {system} was at {bug.id}: that run does not count")
    changed = changed_sources(root, bug, base)
    plausible, correct, equal = grade(tree, bug, root, changed)
    read, written = (
        (new - old for new, old in zip(after, before, strict=True)) if before and after else (None, None)
    )
    return Outcome(
        system=system,
        bug=bug.id,
        model=bench.server.model,
        minutes=bench.minutes,
        plausible=plausible,
        correct=correct,
        equal=equal,
        changed=changed,
        exit_code=ended.exit_code,
        seconds=ended.seconds,
        read=read,
        written=written,
    )


def prepare(tree: Tree, bug: Bug, root: Path, *, tests: bool = True) -> Path:
    """Make a repository of one commit: the parent's files with the fix's tests, and what tests need.

    Args:
        tree: of the library.
        bug: what is to be mended.
        root: where the repository comes to.
        tests: whether those of the fix are taken.
    """
    tree.checkout(bug.parent)
    tree.install()
    if tests:
        tree.take(bug.commit, bug.tests)
    shutil.rmtree(root.parent, ignore_errors=True)
    ignored = shutil.ignore_patterns(".git", ".venv", "node_modules", ".moot-cache", "__pycache__")
    shutil.copytree(tree.root, root, symlinks=True, ignore=ignored)
    _copy_packages(tree.root, root)
    _git(root, "init", "-q", "-b", "main")
    (root / ".git" / "info" / "exclude").write_text(
        ".venv\nnode_modules\n.moot-cache\n__pycache__\n.aider*\n"
    )
    _git(root, "add", "--all", "--force", "--", ".", ":!.venv", ":!node_modules")
    _git(root, "-c", "user.name=bench", "-c", "user.email=bench@example.org", "commit", "-q", "-m", "base")
    return root


def _copy_packages(tree: Path, root: Path) -> None:
    """Copy what tests need, so that no system changes it for the next one; its programs lead to the copy."""
    for name in (".venv", "node_modules"):
        if (tree / name).exists():
            subprocess.run(["cp", "-a", str(tree / name), str(root)], check=True)
    old, new = (os.fsencode(top / ".venv") for top in (tree, root))
    for program in (root / ".venv" / "bin").glob("*"):
        if program.is_file() and not program.is_symlink():
            program.write_bytes(program.read_bytes().replace(old, new))


def test_command(bug: Bug) -> str:
    """Return the command that a system is given: all tests, or the fix's files where these are too slow."""
    narrow = bug.wider and bug.language != "go"
    return " ".join([bug.command, *bug.wider]) if narrow else bug.command


def changed_sources(root: Path, bug: Bug, base: str) -> tuple[str, ...]:
    """Return the files that a system changed since `base`, committed or not, after its tests are undone."""
    _git(root, "add", "--all")
    names = _git(root, "diff", "--cached", "--no-renames", "--name-only", "-z", base).split("\0")
    _git(root, "reset", "-q", base)
    known = set(_git(root, "ls-tree", "-r", "-z", "--name-only", base).split("\0"))
    undone = {path for path in names if path in bug.tests or is_test(path)}
    if undone & known:
        _git(root, "--literal-pathspecs", "checkout", "-q", base, "--", *sorted(undone & known))
    for path in undone - known:
        (root / path).unlink(missing_ok=True)
    return tuple(path for path in names if path and path not in undone)


def graded_by(bug: Bug) -> list[str]:
    """Return the files of tests that grade a repair; none where that is the whole suite."""
    return sorted(bug.wider or runnable(bug.tests, bug.language))


def grade(tree: Tree, bug: Bug, root: Path, changed: Sequence[str]) -> tuple[bool, bool, bool]:
    """Tell whether a repair is plausible, correct, and equal to the developer's."""
    if not changed or not (root / bug.path).is_file():
        return False, False, False
    equal = list(changed) == [bug.path] and same(
        bug.path, (root / bug.path).read_bytes(), tree.show(bug.commit, bug.path)
    )
    runner = TestRunner(choose("auto"), root, TESTS)
    own = asyncio.run(runner.run(bug.command, root, graded_by(bug)))
    plausible = solved(bug, own)
    wider = own if bug.wider or not plausible else asyncio.run(runner.run(bug.command, root))
    known = set(bug.wider_failed)
    passes = wider.failed <= known and len(wider.passed) >= bug.wider_passed
    return plausible, plausible and (equal or passes), equal


def _git(root: Path, *words: str) -> str:
    command = ["git", "-c", "safe.directory=*", *words]
    done = subprocess.run(
        command, cwd=root, capture_output=True, encoding="utf-8", errors="replace", check=True
    )
    return done.stdout


def _tokens(server: Server) -> tuple[int, int] | None:
    """Return how many tokens the server has read and written, as vLLM counts them."""
    try:
        with urllib.request.urlopen(server.url.removesuffix("/v1") + "/metrics", timeout=10) as answer:
            found = dict(_COUNTER.findall(answer.read().decode()))
    except OSError:
        return None
    return (int(float(found["prompt"])), int(float(found["generation"]))) if len(found) == 2 else None


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    share, scale = hits / of, 1 + z * z / of
    middle = (share + z * z / (2 * of)) / scale
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def _print(outcomes: Sequence[Outcome], systems: Sequence[str], wanted: set[str]) -> None:
    """Print all that was run, and where that is not the same for all, the bugs that all systems tried."""
    shown = [each for each in outcomes if each.system in systems and each.bug in wanted]
    told = sorted({f"{each.model}, {each.minutes:g} minutes" for each in shown})
    if len(told) > 1:
        sys.exit(f"outcomes of different models or minutes are not compared: {'; '.join(told)}")
    print(*told)
    tried = [{each.bug for each in shown if each.system == system} for system in systems]
    _table(outcomes, systems, wanted)
    if (common := set[str].intersection(*tried)) and any(bugs != common for bugs in tried):
        print(f"\nThe {len(common)} bugs that all of them tried:")
        _table(outcomes, systems, common)
    print("\nShares with Wilson's 95 % intervals; seconds and tokens are medians.")


def _table(outcomes: Sequence[Outcome], systems: Sequence[str], wanted: set[str]) -> None:
    print("\n| system | bugs | plausible | correct | equal to the fix | seconds | read | written |")
    print("|---|---|---|---|---|---|---|---|")
    for system in systems:
        mine = [each for each in outcomes if each.system == system and each.bug in wanted]
        if not mine:
            continue
        shares = [
            _share([getattr(each, name) for each in mine]) for name in ("plausible", "correct", "equal")
        ]
        medians = [_median([getattr(each, name) for each in mine]) for name in ("seconds", "read", "written")]
        print(f"| {system} | {len(mine)} | {' | '.join(shares)} | {' | '.join(medians)} |")


def _share(hits: Sequence[bool]) -> str:
    low, high = wilson(sum(hits), len(hits))
    return f"{sum(hits)} ({sum(hits) / len(hits):.0%}, {low:.0%}-{high:.0%})"


def _median(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.0f}" if known else "–"


if __name__ == "__main__":
    sys.exit(main())
