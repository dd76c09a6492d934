"""Localisation: does the search find the files that a commit changed, from the commit's message alone?

    python tests/bench/retrieval/localise.py REPOSITORIES [--split report|learn] [--only OWNER/NAME]

REPOSITORIES is a folder with a clone (bare or not) of each repository of the split, at OWNER/NAME,
OWNER+NAME/repo or NAME; tests/bench/retrieval/README.md says how they are had. Each instance is searched in
the tree of the commit's parent, as if the commit had not been made. In the same run: BM25F over words, names
and paths alone (tests and prose last), as the prototypes had it, files in random order, and the changed files
themselves, smallest first: the most that is possible where a commit changed several files or large ones.
Intervals are 95 % bootstrap over instances. Tokens are bytes / 3.6, whole files in the order of the ranking.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moot.agent.core.types import TreeEntry
from moot.agent.git.log import read_log
from moot.agent.git.plumbing import Git
from moot.agent.index.history import ReadLog
from moot.agent.index.index import CodeIndex

HERE = Path(__file__).parent
BUDGETS = (13_000, 27_000, 50_000, 128_000)
BYTES_A_TOKEN = 3.6
DEPTH = 100  # files of a ranking that are looked at
DRAWS = 1000

Ranking = Sequence[str]
Metrics = dict[str, float]


@dataclass(frozen=True)
class Instance:
    """One line of the data."""

    repository: str
    commit: str
    parent: str
    query: str
    gold: tuple[str, ...]
    language: str
    names_gold: bool


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("repositories", type=Path)
    arguments.add_argument("--split", choices=("report", "learn"), default="report")
    arguments.add_argument("--only", default="")
    given = arguments.parse_args()
    by_repository: defaultdict[str, list[Instance]] = defaultdict(list)
    for instance in load(given.split):
        if given.only in ("", instance.repository):
            by_repository[instance.repository].append(instance)
    results: defaultdict[str, list[tuple[Instance, Metrics]]] = defaultdict(list)
    times: list[float] = []
    for repository, instances in by_repository.items():
        for method, instance, ranking, seconds, sizes in run(find(given.repositories, repository), instances):
            results[method].append((instance, measure(ranking, instance, sizes)))
            if method == "moot":
                times.append(seconds)
        ours = [metrics for instance, metrics in results["moot"] if instance.repository == repository]
        print(f"{repository:24} {len(ours):4}  {line(ours)}", flush=True)
    report(results)
    print(f"a search takes {1000 * statistics.median(times):.0f} ms, the median; {len(times)} instances")


def load(split: str) -> list[Instance]:
    """Return a split's instances."""
    lines = (HERE / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Instance(**{**json.loads(text), "gold": tuple(json.loads(text)["gold"])}) for text in lines]


def find(folder: Path, repository: str) -> Path:
    """Return the git directory of a repository."""
    owner, _, name = repository.partition("/")
    for place in (folder / owner / name, folder / f"{owner}+{name}" / "repo", folder / name):
        if place.is_dir():
            return place / ".git" if (place / ".git").exists() else place
    sys.exit(f"{repository} is not below {folder}: clone it there (tests/bench/retrieval/README.md)")


def run(
    git_dir: Path, instances: Sequence[Instance]
) -> Iterator[tuple[str, Instance, Ranking, float, dict[str, int]]]:
    """Yield each method's ranking of each instance, its seconds, and the sizes of the files in bytes."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder, CodeIndex(Path(folder) / "index.sqlite") as index:
        for instance in reversed(instances):
            entries = list(tree(git_dir, instance.parent))
            index.update(entries, lambda blobs: blobs_of(git_dir, blobs))
            index.remember(instance.parent, log_of(git_dir, instance.parent))
            sizes = {entry.path: entry.size for entry in entries}
            index.search("warm")
            began = time.perf_counter()
            found = [file.path for file in index.search(instance.query, DEPTH)]
            yield "moot", instance, found, time.perf_counter() - began, sizes
            yield "BM25F alone", instance, by_words(index, instance.query), 0.0, sizes
            shuffled = draw.sample(sorted(sizes), min(DEPTH, len(sizes)))
            yield "random", instance, shuffled, 0.0, sizes
            yield "most possible", instance, sorted(instance.gold, key=sizes.__getitem__), 0.0, sizes


def by_words(index: CodeIndex, query: str) -> list[str]:
    """Rank by the words alone."""
    board = index.evidence(query)
    last = board.signal("test") + board.signal("prose")
    found = np.flatnonzero(board.signal("words")).tolist()
    ranked = sorted(found, key=lambda n: (last[n], -board.signal("words")[n]))
    return [board.path(number) for number in ranked[:DEPTH]]


def tree(git_dir: Path, commit: str) -> Iterator[TreeEntry]:
    """Yield a commit's files."""
    listing = git(git_dir, "ls-tree", "-r", "-l", "-z", commit)
    for item in listing.split(b"\0")[:-1]:
        head, _, path = item.partition(b"\t")
        mode, _, blob, size = head.decode().split()
        if size != "BAD":  # a file that this clone lacks
            name = path.decode("utf-8", "surrogateescape")
            yield TreeEntry(name, mode, blob, int(size) if size != "-" else 0)


def blobs_of(git_dir: Path, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield blobs through one process."""
    wanted = list(blobs)
    with tempfile.TemporaryFile() as asked:
        asked.write("".join(f"{blob}\n" for blob in wanted).encode())
        asked.seek(0)
        command = ["git", f"--git-dir={git_dir}", "cat-file", "--batch"]
        with subprocess.Popen(command, stdin=asked, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for blob in wanted:
                size = int(process.stdout.readline().split()[2])
                yield blob, process.stdout.read(size + 1)[:-1]


def log_of(git_dir: Path, commit: str) -> ReadLog:
    """Return what reads the log of a commit."""
    return lambda limit: read_log(Git(git_dir, git_dir), commit, limit)


def git(git_dir: Path, *words: str) -> bytes:
    """Run git."""
    return subprocess.run(["git", f"--git-dir={git_dir}", *words], check=True, capture_output=True).stdout


def measure(ranking: Ranking, instance: Instance, sizes: dict[str, int]) -> Metrics:
    """Return what is reported of one ranking."""
    gold = set(instance.gold)
    found = {f"Acc@{k}": float(gold <= set(ranking[:k])) for k in (1, 3, 5)}
    found["recall@10"] = len(gold & set(ranking[:10])) / len(gold)
    for budget in BUDGETS:
        found[f"{budget // 1000}k"] = float(gold <= set(within(ranking, sizes, budget)))
    return found


def within(ranking: Ranking, sizes: dict[str, int], budget: int) -> Iterator[str]:
    """Yield the files that fit into so many tokens, in order; one that does not fit is passed over."""
    room = budget * BYTES_A_TOKEN
    for path in ranking:
        if sizes[path] <= room:
            room -= sizes[path]
            yield path


def report(results: dict[str, list[tuple[Instance, Metrics]]]) -> None:
    """Print a table over all repositories, for all instances and for those that name no gold file."""
    keep: tuple[tuple[str, Callable[[Instance], bool]], ...] = (
        ("all", lambda instance: True),
        ("no gold file named", lambda instance: not instance.names_gold),
    )
    for title, wanted in keep:
        print(f"\n{title}")
        for method, pairs in results.items():
            metrics = [metrics for instance, metrics in pairs if wanted(instance)]
            print(f"{method:24} {len(metrics):4}  {line(metrics, intervals=True)}")


def line(metrics: Sequence[Metrics], *, intervals: bool = False) -> str:
    """Return means, with their intervals where asked."""
    draw = random.Random(0)
    parts: list[str] = []
    for name in metrics[0]:
        values = [each[name] for each in metrics]
        text = f"{name} {statistics.fmean(values):.3f}"
        if intervals:
            means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(DRAWS))
            text += f" ({means[DRAWS // 40]:.2f}-{means[-DRAWS // 40]:.2f})"
        parts.append(text)
    return "  ".join(parts)


if __name__ == "__main__":
    main()
