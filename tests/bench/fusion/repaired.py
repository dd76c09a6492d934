"""Pools of real bugs: the patches that are argued over when one is repaired, and which of them are right.

    PYTHONPATH=. python tests/bench/fusion/repaired.py REPOSITORIES WORK [--half tune|report] [--bugs N]
        [--only BUG,BUG] [--minutes M] [--known-place] [--pools FILE]

`agent model up` must be running. Each bug of `tests/bench/repair` in Python is given to `agent run --fusion
always --mode debate`, whose transcript is the pool: the patches that pass a failing test, what was run and
said of them, what was chosen. With `--known-place` the task names the line of the fix, as a stack trace
would, so that more bugs have a pool. A patch is right if it passes the wider tests that grade a repair, and
behaves as the developers' fix does on the inputs of the tests and near them, where these can be compared.
Pools are added to the file as they are done; what it holds already is not run again.
"""

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from moot.agent.core.events import RunStarted
from moot.agent.fusion.patches import Findings
from moot.agent.fusion.transcript import Transcript
from moot.agent.graph.contents import Change
from moot.agent.graph.probe import Ground, compare_on, functions_of
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.bench.bench_repair import TESTS, grade, model_server, prepare, test_command
from tests.bench.fusion.repair_pools import POOLS, Patch, Pool, pools_in
from tests.bench.repair.bugs import Bug, Tree
from tests.bench.repair.bugs import load as bugs_in
from tests.bench.repair.systems import Job, Server, start

AGENT = Path(sys.executable).with_name("agent")
COMPARING = 120.0
"""Seconds for all versions of a function on the inputs of tests."""
_FIX = "fix"


_POOL, _ROUNDS = TypeAdapter(Pool), TypeAdapter(list[Transcript])


def main() -> int:
    """Take the bugs that are missing, the quickest tests first."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("repositories", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--bugs", type=int, default=1000)
    parser.add_argument("--only", type=lambda names: names.split(","), help="bugs to take of these")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--known-place", action="store_true")
    parser.add_argument("--pools", type=Path, default=POOLS)
    given = parser.parse_args()
    server = model_server()
    bugs = [bug for bug in bugs_in() if bug.split == given.half and bug.language == "python"]
    bugs = [bug for bug in bugs if not given.only or bug.id in given.only]
    known = {(pool.bug, pool.known_place) for pool in pools_in(given.pools)}
    for bug in sorted(bugs, key=lambda one: (one.seconds, one.id))[: given.bugs]:
        if (bug.id, given.known_place) in known:
            continue
        tree = Tree.open(bug.library, given.repositories.resolve(), given.work.resolve() / "trees")
        place = given.work.resolve() / "pools" / bug.id
        root = prepare(tree, bug, place / bug.library.name.rpartition("/")[2])
        job = _job(bug, root, given.minutes, given.known_place, server)
        transcript = _argued(job)
        pool = _graded(transcript, tree, bug, root, given.known_place)
        with given.pools.open("ab") as file:
            file.write(_POOL.dump_json(pool) + b"\n")
        right = "".join("+" if each.right else "-" for each in pool.patches)
        print(f"{bug.id}: {right or 'no patch'} {pool.reason}", flush=True)
    return 0


def _job(bug: Bug, root: Path, minutes: float, known_place: bool, server: Server) -> Job:
    names = "\n".join(f"- {name}" for name in bug.failing[:5])
    task = f"{bug.task}\n\nThese tests fail:\n{names}"
    if known_place:
        task += f'\n\n  File "{bug.path}", line {bug.lines[0]}'
    return Job(root, task, test_command(bug), minutes * 60, server, root.parent / "scratch")


def _argued(job: Job) -> Transcript | None:
    """Run the product; return the last argument in which a patch passed the gate, else the last."""
    start("debate", job)
    said = (job.scratch / "stdout").read_text(encoding="utf-8").splitlines()
    if not said:
        sys.exit(
            f"the run in {job.root} said nothing: {(job.scratch / 'stderr').read_text(encoding='utf-8')}"
        )
    run = TypeAdapter(RunStarted).validate_json(said[0]).run_id
    show = [AGENT, "show", run, "--repo", job.root, "--debate", "--output", "json"]
    shown = subprocess.run(show, capture_output=True, check=False)
    rounds = _ROUNDS.validate_json(shown.stdout) if shown.returncode == 0 else []
    passing = [each for each in rounds if any(one.verified for one in each.entrants)]
    return next(reversed(passing or rounds), None)


def _graded(transcript: Transcript | None, tree: Tree, bug: Bug, root: Path, known_place: bool) -> Pool:
    """Return the pool with what is right of it."""
    if transcript is None or not transcript.entrants:
        return Pool(bug.id, known_place)
    files = {each.id: _files(root, each.diff) for each in transcript.entrants}
    alike = _alike(files, tree, bug, root)
    rulings = {each.challenger: each for each in transcript.rulings}
    findings = Findings(tried=transcript.trials)
    patches: list[Patch] = []
    for each in transcript.entrants:
        ruling = rulings.get(each.id)
        _put(root, files[each.id])
        correct = each.verified and grade(tree, bug, root, sorted(files[each.id]))[1]
        patches.append(
            Patch(
                id=each.id,
                generator=each.generator,
                diff=each.diff,
                cluster=each.cluster,
                votes=each.votes,
                verified=each.verified,
                ahead=findings.ahead(each.id, transcript.leader) if transcript.leader else 0.0,
                better=ruling.better if ruling else None,
                preferred=ruling is not None and ruling.verdict == "challenger",
                right=correct and (alike is None or each.id in alike),
                compared=alike is not None,
            )
        )
    _git(root, "checkout", "-q", "-f", "HEAD", "--", ".")
    used = sum(entry.usage.total for entry in transcript.calls)
    return Pool(
        bug.id,
        known_place,
        transcript.incumbent,
        transcript.leader,
        transcript.chosen,
        transcript.reason,
        used,
        transcript.alone_tokens,
        tuple(patches),
    )


def _alike(
    files: Mapping[str, Mapping[str, Change]], tree: Tree, bug: Bug, root: Path
) -> frozenset[str] | None:
    """Return the patches that behave as the developers' fix does; None where that can't be said."""
    _git(root, "checkout", "-q", "-f", "HEAD", "--", ".")
    old = (root / bug.path).read_bytes()
    fix = {bug.path: Change(old, tree.show(bug.commit, bug.path), None, "100644")}
    runner = TestRunner(choose("auto"), root, TESTS)
    tests = sorted(set(bug.wider) or {path for path in bug.tests if "test" in path})
    ground = Ground(runner, bug.command, root, tests, bug.failing, COMPARING)
    versions = {**files, _FIX: fix}
    functions = functions_of(versions)
    if not functions:
        return None
    behaviour = asyncio.run(compare_on(ground, versions, functions)).behaviour
    if behaviour is None or not behaviour.calls:
        return None
    return frozenset(next(group for group in behaviour.groups if _FIX in group))


def _files(root: Path, diff: str) -> Mapping[str, Change]:
    """Return the files that a diff changes, by applying it; the tree is left with it."""
    _git(root, "checkout", "-q", "-f", "HEAD", "--", ".")
    subprocess.run(["git", "apply"], cwd=root, input=diff, text=True, check=True)
    found: dict[str, Change] = {}
    for path in _git(root, "diff", "--name-only", "HEAD").splitlines():
        old = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=root, capture_output=True, check=True)
        found[path] = Change(old.stdout, (root / path).read_bytes(), None, "100644")
    return found


def _put(root: Path, files: Mapping[str, Change]) -> None:
    _git(root, "checkout", "-q", "-f", "HEAD", "--", ".")
    for path, change in files.items():
        (root / path).write_bytes(change.new or b"")


def _git(root: Path, *words: str) -> str:
    command = ["git", "-c", "safe.directory=*", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
