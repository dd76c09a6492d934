"""Where moot's own ranking puts the developers' fixes: how many masks are tried before one that reaches it.

    PYTHONPATH=. python tests/bench/repair/ranks.py collect EVIDENCE REPOSITORIES TREES
    PYTHONPATH=. python tests/bench/repair/ranks.py table EVIDENCE [--save FILE] [--against FILE] [--show]

`collect` prepares each bug of the `tune` half in TREES, runs the files of its failing tests, measures lines
as a run does, and keeps what was seen in EVIDENCE; no model is needed. `table` ranks that anew with the code
as it is and runs nothing. `--against` compares with places that an earlier `--save` kept, bug by bug.
"""

import argparse
import asyncio
import json
import math
import pickle
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path

from moot.agent.core.commands import TestCase
from moot.agent.core.spectrum import Spectrum, TraceRequest
from moot.agent.git.repository import GitRepository
from moot.agent.graph.failures import describe
from moot.agent.index.index import CodeIndex
from moot.agent.repair.generate import Limits, Work, dealt
from moot.agent.repair.localise import Failure, Localisation, localise
from moot.agent.repair.masks import Mask, MaskKind, masks
from moot.agent.repair.peers import related_tests, request
from moot.agent.repair.source import Source
from moot.agent.verify.coverage.measure import CoverageTracer
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.bench.bench_blame import Kept
from tests.bench.bench_repair import prepare, test_command
from tests.bench.repair.bugs import Bug, Tree, load
from tests.bench.repair.reach import Fix, changed, reaches

WITHIN = (6, 18, 36, 52)
"""Masks: one batch; three, which take a small model about 90 s; six; all."""
SECONDS = 600.0  # of a run of tests, and of a measurement
FILES = 50  # that are retrieved
SUSPECTED_FILES = 12  # whose masks a run makes
LARGE = frozenset({MaskKind.BODY, MaskKind.PARAMETER})
"""Kinds that stand at many lines and mend few of them."""


@dataclass(frozen=True)
class Evidence:
    """What running a bug's tests showed.

    Attributes:
        root: the prepared tree.
        files: under version control.
        after: the file of the fix as the developers left it.
    """

    root: Path
    task: str
    failing: tuple[TestCase, ...]
    spectrum: Spectrum
    files: tuple[str, ...]
    retrieved: Mapping[str, float]
    after: bytes


@dataclass(frozen=True)
class Places:
    """Where, from 1, the first comes that is right; 0 for none.

    Attributes:
        line: suspect that the fix changes.
        near: mask at a line that the fix changes.
        mask: mask that reaches the fix.
    """

    bug: str
    language: str
    line: int
    near: int
    mask: int


def main() -> int:
    """Collect or print."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("what", choices=("collect", "table"))
    arguments.add_argument("evidence", type=Path)
    arguments.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    arguments.add_argument("--languages", default="python,go,javascript")
    arguments.add_argument("--save", type=Path)
    arguments.add_argument("--against", type=Path)
    arguments.add_argument("--show", action="store_true", help="print each bug")
    given = arguments.parse_args()
    languages = given.languages.split(",")
    bugs = [bug for bug in load() if bug.split == "tune" and bug.language in languages]
    if given.what == "collect":
        return _collect(sorted(bugs, key=lambda bug: bug.seconds), given.evidence.resolve(), *given.folders)
    found = [places_of(bug, seen) for bug in bugs if (seen := _kept(bug, given.evidence)) is not None]
    for each in found if given.show else ():
        print(f"{each.bug}: line {each.line}, mask near {each.near}, mask that reaches {each.mask}")
    _print(found)
    if given.save:
        given.save.write_text(json.dumps([[each.bug, each.near, each.mask] for each in found]))
    if given.against:
        _compare(found, json.loads(given.against.read_text()))
    return 0


def _collect(bugs: Sequence[Bug], evidence: Path, repositories: Path, trees: Path) -> int:
    evidence.mkdir(parents=True, exist_ok=True)
    missed = 0
    for bug in bugs:
        if _kept(bug, evidence) is not None:
            continue
        started = time.monotonic()
        try:
            tree = Tree.open(bug.library, repositories.resolve(), trees.resolve())
            root = prepare(tree, bug, evidence / "runs" / bug.id / bug.library.name.rpartition("/")[2])
            runner, after = TestRunner(choose("auto"), root, SECONDS), tree.show(bug.commit, bug.path)
            seen = asyncio.run(_seen(bug, root, evidence, runner, after))
        except subprocess.SubprocessError as exc:
            missed += 1
            print(f"{bug.id}: {exc} {getattr(exc, 'stderr', '')}", file=sys.stderr, flush=True)
            continue
        (evidence / f"{bug.id}.pickle").write_bytes(pickle.dumps(seen))
        lines, took = len(seen.spectrum.lines), time.monotonic() - started
        print(f"{bug.id}: {lines} lines in {took:.0f} s {seen.spectrum.reason}", flush=True)
    return int(missed > 0)


async def _seen(bug: Bug, root: Path, scratch: Path, runner: TestRunner, after: bytes) -> Evidence:
    """Do what a run does before its first mask, with the files of the failing tests in place of all."""
    names = "\n".join(f"- {name}" for name in bug.failing[:5])
    task = f"{bug.task}\n\nThese tests fail:\n{names}"
    own = sorted({test.partition("::")[0] for test in bug.failing}) if bug.language == "python" else []
    report = await runner.run(test_command(bug), root, own)
    failing = [case for case in report.cases if case.id in report.failed]
    repository = GitRepository.open(root, scratch / "data")
    files = repository.files(repository.head)
    with CodeIndex(scratch / "index.sqlite") as index:
        index.remember(repository.head, partial(repository.log, repository.head))
        index.update(files, repository.read_many)
        query = f"{task}\n{describe(report, report.failed)}"
        retrieved = {file.path: file.score for file in index.search(query, FILES)}
        related = related_tests(retrieved, index.dependents)
    asked = request(test_command(bug), root, failing, report.cases, related)
    spectrum = await CoverageTracer(runner).trace(replace(asked, seconds=SECONDS))
    paths = tuple(entry.path for entry in files)
    return Evidence(root, task, tuple(failing), spectrum, paths, retrieved, after)


def _kept(bug: Bug, evidence: Path) -> Evidence | None:
    file = evidence / f"{bug.id}.pickle"
    return pickle.loads(file.read_bytes()) if file.exists() else None


def located(seen: Evidence) -> Localisation:
    """Rank the lines; all were changed just now, as in the repository of one commit that a run is given."""
    now = int(time.time())

    def ages(path: str) -> Mapping[int, int]:
        lines = (seen.root / path).read_bytes().count(b"\n") + 1
        return dict.fromkeys(range(1, lines + 1), now)

    asked = TraceRequest("", seen.root, seen.failing)
    failure = Failure(asked, seen.files, seen.task, seen.retrieved, ages)
    return asyncio.run(localise(Kept(seen.spectrum), failure))


def fix_of(bug: Bug, seen: Evidence) -> Fix:
    """Return the developers' fix, without the comments that it adds."""
    before, after = (seen.root / bug.path).read_bytes().split(b"\n"), seen.after.split(b"\n")
    kept: list[bytes] = []
    for what, _, _, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        new = after[start:end]
        kept += (
            new if what == "equal" else [line for line in new if not line.strip().startswith((b"#", b"//"))]
        )
    return Fix(bug.id, bug.path, b"\n".join(before), b"\n".join(kept), changed(before, kept))


def places_of(bug: Bug, seen: Evidence) -> Places:
    """Rank lines, deal masks out, and look for the fix among both."""
    found, fix = located(seen).suspects, fix_of(bug, seen)
    order = [each.path == fix.path and each.line in fix.lines for each in found]
    paths = list(dict.fromkeys(each.path for each in found))[:SUSPECTED_FILES]
    sources = {path: Source.parse(path, (seen.root / path).read_bytes()) for path in paths}
    batches = list(dealt(masks(found, sources), Limits()))
    near = _first(batches, lambda mask: _near(mask, fix))
    line = order.index(True) + 1 if True in order else 0
    return Places(bug.id, bug.language, line, near, _first(batches, lambda mask: _reaches(mask, fix)))


def _reaches(mask: Mask, fix: Fix) -> bool:
    return mask.path == fix.path and reaches(mask, fix)


def _near(mask: Mask, fix: Fix) -> bool:
    line = fix.before.count(b"\n", 0, mask.start_byte) + 1
    return mask.path == fix.path and mask.kind not in LARGE and line in fix.lines


def _first(batches: Iterable[Work], right: Callable[[Mask], bool]) -> int:
    """Return the place of the first right mask; operators come with the first mask of their batch."""
    before = 0
    for batch in batches:
        hits = [1 for mask in batch.operators if right(mask)]
        hits += [place for place, mask in enumerate(batch.masks, 1) if right(mask)]
        if hits:
            return before + min(hits)
        before += len(batch.masks)
    return 0


def _print(found: Sequence[Places]) -> None:
    print(f"| | bugs | line in 10 | {' | '.join(f'first {k}' for k in WITHIN)} | MRR |")
    print("|---|---|---|" + "---|" * (len(WITHIN) + 1))
    languages = dict.fromkeys(each.language for each in found)
    groups = [(name, [each for each in found if each.language == name]) for name in languages]
    for name, group in (*groups, ("all", found)):
        lines = sum(0 < each.line <= 10 for each in group)
        print(f"| {name}, reached | {len(group)} | {lines} | {_shares([each.mask for each in group])} |")
        print(f"| {name}, near | {len(group)} | {lines} | {_shares([each.near for each in group])} |")


def _shares(places: Sequence[int]) -> str:
    count = max(1, len(places))
    shares = [sum(0 < place <= k for place in places) for k in WITHIN]
    mean = math.fsum(1 / place for place in places if place) / count
    return " | ".join([*(f"{hits} ({hits / count:.0%})" for hits in shares), f"{mean:.3f}"])


def _compare(found: Sequence[Places], before: Sequence[tuple[str, int, int]]) -> None:
    """Print what was gained, with a 95 % interval of the paired bootstrap over bugs."""
    old = {bug: (near, mask) for bug, near, mask in before}
    pairs = [((each.near, each.mask), old[each.bug]) for each in found if each.bug in old]
    for what, which in (("near", 0), ("reached", 1)):
        for most in WITHIN:
            gains = [(0 < new[which] <= most) - (0 < past[which] <= most) for new, past in pairs]
            low, high = _interval(gains)
            print(f"{what}, first {most}: {sum(gains):+} of {len(gains)}, {low:+.0%} to {high:+.0%}")


def _interval(gains: Sequence[int], draws: int = 4000) -> tuple[float, float]:
    chance = random.Random(1)
    means = sorted(sum(chance.choices(gains, k=len(gains))) / len(gains) for _ in range(draws))
    return means[draws // 40], means[-draws // 40]


if __name__ == "__main__":
    from tests.bench.repair import ranks  # under its own name, which the evidence is kept by

    sys.exit(ranks.main())
