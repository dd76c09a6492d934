"""Where the line at fault ranks, of seeded bugs in real packages: Ochiai alone, frames alone, combined.

Usage: python tests/bench/bench_blame.py [--bugs N] [--seconds S] [--seed N] [FOLDER ...]
FOLDER is an unpacked source distribution whose tests pytest runs as they lie there; without one, a few are
downloaded from the package registry. A bug swaps one operator, number or word within a function; one that no
test of the file of the same name finds is left out. Tied lines share their mean rank. Seeded bugs are simpler
than real ones, and neither the retrieval nor the history says anything of them: figures compare methods.
"""

import argparse
import asyncio
import io
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from moot.agent.core.spectrum import Spectrum, TraceRequest
from moot.agent.core.testfiles import is_test
from moot.agent.repair.clues import WEIGHTS, Clue
from moot.agent.repair.localise import Failure, Localisation, localise
from moot.agent.repair.peers import request
from moot.agent.verify.coverage.measure import CoverageTracer
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose

PACKAGES = ("more-itertools", "toolz", "boltons")
COMMAND = f"{sys.executable} -m pytest -q -p no:langsmith_plugin -p no:hypothesispytest -p no:cacheprovider"
SWAPS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "+": "-",
    "-": "+",
    "*": "+",
    "and": "or",
    "or": "and",
    "True": "False",
    "False": "True",
    "is": "is not",
    "+=": "-=",
    "-=": "+=",
}
METHODS: Mapping[str, Mapping[Clue, float]] = {
    "Ochiai alone": {**dict.fromkeys(Clue, 0.0), Clue.EXECUTED: 1.0},
    "frames alone": {**dict.fromkeys(Clue, 0.0), Clue.TRACED: 1.0},
    "names alone": {**dict.fromkeys(Clue, 0.0), Clue.NAMED: 1.0},
    "equal weights": {**WEIGHTS, Clue.NAMED: 1.0, Clue.TRACED: 1.0},
    "combined": WEIGHTS,
}


@dataclass(frozen=True)
class Bug:
    """A source file, the file of its tests, the changed line and the file's new text."""

    path: str
    tests: str
    line: int
    text: str


class Kept:
    """A tracer that measures once."""

    def __init__(self, spectrum: Spectrum) -> None:
        self._spectrum = spectrum

    async def trace(self, request: TraceRequest) -> Spectrum:
        return self._spectrum


def main() -> int:
    """Print a table of the methods."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bugs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("folders", nargs="*", type=Path)
    given = parser.parse_args()
    ranks: dict[str, list[float]] = {name: [] for name in METHODS}
    random.seed(given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folders = given.folders or download(Path(scratch))
        for folder in folders:
            until = time.monotonic() + given.seconds / len(folders)
            measure(folder, Path(scratch), given.bugs, until, ranks)
    print(f"{'method':<26} {'bugs':>5} {'top 1':>6} {'top 5':>6} {'top 10':>6} {'median':>7}")
    for name, found in ranks.items():
        shares = [sum(rank <= top for rank in found) / max(1, len(found)) for top in (1, 5, 10)]
        median = statistics.median(found) if found else 0
        print(
            f"{name:<26} {len(found):>5} "
            + " ".join(f"{share:>6.0%}" for share in shares)
            + f" {median:>7.1f}"
        )
    return 0


def download(scratch: Path) -> list[Path]:
    """Fetch and unpack the source distributions."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "-d", str(scratch), *PACKAGES], check=True)
    for archive in scratch.glob("*.tar.gz"):
        with tarfile.open(archive) as opened:
            opened.extractall(scratch, filter="data")
    return sorted(path for path in scratch.iterdir() if path.is_dir())


def measure(folder: Path, scratch: Path, most: int, until: float, ranks: dict[str, list[float]]) -> None:
    """Add the ranks of a package's bugs to each method's."""
    root = scratch / "work" / folder.name
    shutil.copytree(folder, root)
    runner = TestRunner(choose("auto"), root, 120.0)
    bugs = list(seeded(root))
    random.shuffle(bugs)
    found = 0
    for bug in bugs:
        if found >= most or time.monotonic() > until:
            break
        original = (root / bug.path).read_text()
        (root / bug.path).write_text(bug.text)
        found += asyncio.run(rank(runner, root, bug, ranks))
        (root / bug.path).write_text(original)
    print(f"{folder.name}: {found} bugs", file=sys.stderr)


async def rank(runner: TestRunner, root: Path, bug: Bug, ranks: dict[str, list[float]]) -> bool:
    """Rank one bug by every method; False where no test of its file finds it."""
    report = await runner.run(COMMAND, root, [bug.tests])
    failing = [case for case in report.cases if case.id in report.failed]
    if not failing or report.status != "failed":
        return False
    asked = request(COMMAND, root, failing, report.cases, [])
    kept = Kept(await CoverageTracer(runner).trace(asked))
    files = [str(path.relative_to(root)) for path in root.rglob("*.py")]
    for name, weights in METHODS.items():
        located = await localise(kept, Failure(asked, files, weights=weights))
        ranks[name].append(mean_rank(located, bug))
    return True


def mean_rank(located: Localisation, bug: Bug) -> float:
    """Return the mean rank of the lines that tie with the one at fault; infinite when it is not there."""
    scores = {(each.path, each.line): each.score for each in located.suspects}
    own = scores.get((bug.path, bug.line))
    if not own:
        return float("inf")
    better = sum(score > own for score in scores.values())
    return better + (sum(score == own for score in scores.values()) + 1) / 2


def seeded(root: Path) -> Iterator[Bug]:
    """Yield every bug that can be seeded in sources that have a file of tests of their name."""
    paths = [path.relative_to(root) for path in sorted(root.rglob("*.py"))]
    tests = {path.stem.removeprefix("test_"): str(path) for path in paths if path.stem.startswith("test_")}
    for path in paths:
        if not is_test(str(path)) and path.stem in tests:
            text = (root / path).read_text()
            for line, changed in mutants(text):
                yield Bug(str(path), tests[path.stem], line, changed)


def mutants(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) with one word of an indented line swapped, beginnings of functions left alone."""
    lines = text.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        row, start = token.start
        line = lines[row - 1] if row <= len(lines) else ""
        number = token.type == tokenize.NUMBER and token.string.isdigit()
        new = str(int(token.string) + 1) if number else SWAPS.get(token.string)
        code = line[:1] in " \t" and not line.lstrip().startswith(("def ", "class ", "@"))
        if new and code and token.type in (tokenize.OP, tokenize.NAME, tokenize.NUMBER):
            changed = line[:start] + new + line[token.end[1] :]
            yield row, "".join([*lines[: row - 1], changed, *lines[row:]])


if __name__ == "__main__":
    sys.exit(main())
