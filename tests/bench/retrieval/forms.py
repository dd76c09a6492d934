"""What each form of a file in the context is worth, and what contexts show of the lines that commits changed.

    PYTHONPATH=. python tests/bench/retrieval/forms.py REPOSITORIES [--split learn|report] [--most N]

First, of the files that a commit changed, as far as the search finds them: the share of the changed lines
that each form shows (of an insertion, the lines beside it), the share of the names in these lines, and the
form's length over the file's. Then the share of the changed lines of a commit that the context shows within a
budget: for the knapsack of agent/pack/packer.py, the same without excerpts and with whole files alone, and
for whole files in the order of the ranking. REPOSITORIES as for localise.py, with N commits of each, spread
evenly; tokens are bytes / 3.6.
"""

import argparse
import asyncio
import random
import re
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from localise import BYTES_A_TOKEN, Instance, blobs_of, find, git, load, log_of, tree

from moot.agent.core.types import RankedFile
from moot.agent.index.index import CodeIndex
from moot.agent.pack import packer
from moot.agent.pack.packer import ContextPacker, files_for

BUDGETS = (2_000, 4_000, 8_000, 16_000, 32_000)
VALUES = {
    "knapsack": dict(packer._EVIDENCE),
    "without excerpts": packer._EVIDENCE | dict.fromkeys(packer._FOCUS, 0.0),
    "whole files alone": dict.fromkeys(packer._EVIDENCE, 0.0) | {"whole": 1.0},
}
HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? ", re.M)
BLOCK = re.compile(r'^<file path="([^"]+)"( part="[^"]+")?/?>$', re.M)
SPAN = re.compile(r'^<lines first="(\d+)" last="(\d+)">$', re.M)
NAME = re.compile(r"[A-Za-z_]\w{2,}")

Shown = dict[str, set[int] | None]
"""Path -> the lines that a text shows of it; None for all."""


class Bytes:
    """Counts tokens by bytes."""

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each text."""
        return [round(len(text.encode()) / BYTES_A_TOKEN) for text in texts]


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("repositories", type=Path)
    arguments.add_argument("--split", choices=("learn", "report"), default="learn")
    arguments.add_argument("--most", type=int, default=60)
    given = arguments.parse_args()
    instances: defaultdict[str, list[Instance]] = defaultdict(list)
    for instance in load(given.split):
        instances[instance.repository].append(instance)
    counts = Counts()
    for repository, each in instances.items():
        chosen = each[:: max(1, len(each) // given.most)]
        measure(find(given.repositories, repository), chosen, counts)
        print(f"{repository}: {len(chosen)}", file=sys.stderr, flush=True)
    counts.report()


class Counts:
    """What was measured."""

    def __init__(self) -> None:
        self.forms: defaultdict[str, list[tuple[float, float, float]]] = defaultdict(list)
        self.shown: defaultdict[tuple[str, int], list[float]] = defaultdict(list)

    def report(self) -> None:
        """Print it."""
        print(f"{'form':10} {'files':>6} {'lines':>7} {'names':>7} {'length':>7}")
        for form in packer._EVIDENCE:
            lines, names, length = (statistics.fmean(each) for each in zip(*self.forms[form], strict=True))
            print(f"{form:10} {len(self.forms[form]):6} {lines:7.3f} {names:7.3f} {length:7.3f}")
        print(f"\n{'changed lines shown':20} " + " ".join(f"{budget:>18}" for budget in BUDGETS))
        for name in (*VALUES, "in order"):
            print(f"{name:20} " + " ".join(f"{interval(self.shown[name, b]):>18}" for b in BUDGETS))


def interval(values: Sequence[float]) -> str:
    """Return the mean with its 95 % bootstrap interval."""
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(1000))
    return f"{statistics.fmean(values):.3f} ({means[25]:.2f}-{means[-25]:.2f})"


def measure(git_dir: Path, instances: Sequence[Instance], counts: Counts) -> None:
    """Measure one repository."""
    with tempfile.TemporaryDirectory() as folder, CodeIndex(Path(folder) / "index.sqlite") as index:
        for instance in reversed(instances):
            entries = list(tree(git_dir, instance.parent))
            index.update(entries, lambda blobs: blobs_of(git_dir, blobs))
            index.remember(instance.parent, log_of(git_dir, instance.parent))
            ranked = index.search(instance.query, files_for(max(BUDGETS)))
            changed = {path: lines for path in instance.gold if (lines := changes(git_dir, instance, path))}
            texts = {file.path: file for file in ranked}
            gold = [texts[path] for path in changed if path in texts]
            forms(git_dir, index, gold, changed, counts)
            asyncio.run(contexts(git_dir, index, ranked, changed, counts))


def changes(git_dir: Path, instance: Instance, path: str) -> dict[int, str]:
    """Return the lines of the parent's file that the commit changed, and its words."""
    diff = git(git_dir, "diff", "-U0", "--no-renames", instance.parent, instance.commit, "--", path)
    text = diff.decode("utf-8", "replace")
    said = "\n".join(x[1:] for x in text.splitlines() if x[:1] in "+-" and x[:3] not in ("+++", "---"))
    found: dict[int, str] = {}
    for start, size in HUNK.findall(text):
        first, lines = int(start), int(size or 1)
        numbers = range(first, first + lines) if lines else (first, first + 1)
        found |= dict.fromkeys((n for n in numbers if n > 0), said)
    return found


def forms(
    git_dir: Path,
    index: CodeIndex,
    gold: Sequence[RankedFile],
    changed: dict[str, dict[int, str]],
    counts: Counts,
) -> None:
    """Count what each form shows of the files that were changed."""
    texts = dict(blobs_of(git_dir, [file.blob for file in gold]))
    for file in gold:
        data, lines = texts[file.blob], changed[file.path]
        blocks = packer._blocks(file, data, index) | {"name": packer.name_block(file.path)}
        names = set(NAME.findall(blocks["whole"])) & set(NAME.findall(next(iter(lines.values()))))
        for form, block in blocks.items():
            seen = len(names & set(NAME.findall(block))) / len(names) if names else 1.0
            share = shares({file.path: lines}, shown(block))
            counts.forms[form].append((share, seen, len(block) / len(blocks["whole"])))


async def contexts(
    git_dir: Path,
    index: CodeIndex,
    ranked: Sequence[RankedFile],
    changed: dict[str, dict[int, str]],
    counts: Counts,
) -> None:
    """Count what contexts show of the changed lines."""
    if not changed:
        return
    texts = dict(blobs_of(git_dir, dict.fromkeys(file.blob for file in ranked)))
    pack = ContextPacker(index, lambda blobs: ((b, texts[b]) for b in blobs), Bytes())
    for budget in BUDGETS:
        for name, values in VALUES.items():
            packer._EVIDENCE.update(values)
            packed = await pack.pack(ranked[: files_for(budget)], budget)
            counts.shown[name, budget].append(shares(changed, shown(packed.text)))
        whole: Shown = dict.fromkeys(within(ranked, texts, budget))
        counts.shown["in order", budget].append(shares(changed, whole))
    packer._EVIDENCE.update(VALUES["knapsack"])


def within(ranked: Sequence[RankedFile], texts: dict[str, bytes], budget: int) -> Iterator[str]:
    """Yield the files that fit, in order."""
    room = budget * BYTES_A_TOKEN
    for file in ranked:
        if (size := len(texts[file.blob])) <= room:
            room -= size
            yield file.path


def shown(text: str) -> Shown:
    """Return what a packed text shows."""
    marks = list(BLOCK.finditer(text))
    found: Shown = {}
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends[: len(marks)], strict=True):
        spans = SPAN.findall(text, mark.end(), end)
        lines = {n for first, last in spans for n in range(int(first), int(last) + 1)}
        found[mark[1]] = lines if mark[2] else None
    return found


def shares(changed: dict[str, dict[int, str]], seen: Shown) -> float:
    """Return the share of changed lines that are shown, each file the same."""
    parts: list[float] = []
    for path, lines in changed.items():
        these = seen.get(path, set())
        parts.append(1.0 if these is None else len(these & lines.keys()) / len(lines))
    return statistics.fmean(parts)


if __name__ == "__main__":
    main()
