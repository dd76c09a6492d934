"""Learns what each signal of the search is worth, on the commits of the `learn` split.

    PYTHONPATH=. python tests/bench/retrieval/learn.py REPOSITORIES [--keep FILE]

The weights are those that make the files that a commit changed likeliest among all that have some evidence:
a softmax over each commit's files (ListNet's top-one likelihood: Cao et al. 2007), with an L2 penalty, by
Newton's method. What is printed first was learned on the other repositories, each in turn, then what that
gives without each signal; the last lines, learned on all of them, are what agent/index/weights.py holds.
REPOSITORIES as for localise.py.
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent))
from localise import Instance, blobs_of, find, line, load, log_of, measure, tree

from moot.agent.index.index import CodeIndex
from moot.agent.index.weights import BY_HAND, WEIGHTS

LEARNED = [name for name in WEIGHTS if name not in BY_HAND]
CANDIDATES = 300  # of a commit, besides the files that it changed
PENALTY = 0.002
STEPS = 30
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """One commit: its files, their signals (files, signals), what is set by hand, and the rows it changed."""

    instance: Instance
    paths: tuple[str, ...]
    signals: Floats
    offset: Floats
    gold: tuple[int, ...]
    sizes: dict[str, int]

    def ranking(self, weights: Floats) -> list[str]:
        """Return the paths, best first."""
        scores = self.signals @ weights + self.offset
        return [self.paths[n] for n in np.argsort(-scores, kind="stable")]


def main() -> None:
    """Print what was learned."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("repositories", type=Path)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--ablate", action="store_true", help="also without each signal")
    given = arguments.parse_args()
    examples = list(collect(given.repositories, given.only))
    print(
        f"{'held out':24} {len(examples):4}  {line(held_out(examples, show=True), intervals=True)}",
        flush=True,
    )
    for name in LEARNED if given.ablate else ():
        print(
            f"{'without ' + name:24} {len(examples):4}  {line(held_out(without(examples, name)))}", flush=True
        )
    for name, weight in zip(LEARNED, fit(examples), strict=True):
        print(f'    "{name}": {weight:.2f},')


def held_out(examples: Sequence[Example], *, show: bool = False) -> list[dict[str, float]]:
    """Return what each repository's commits get from weights that were learned on the others."""
    all_found: list[dict[str, float]] = []
    for name in sorted({example.instance.repository for example in examples}):
        mine = [each for each in examples if each.instance.repository == name]
        weights = fit([each for each in examples if each.instance.repository != name] or mine)
        found = [measure(each.ranking(weights), each.instance, each.sizes) for each in mine]
        all_found += found
        if show:
            print(f"{name:24} {len(found):4}  {line(found)}", flush=True)
    return all_found


def without(examples: Sequence[Example], name: str) -> list[Example]:
    """Return examples in which a signal says nothing."""
    kept = np.array([other != name for other in LEARNED], np.float64)
    return [replace(example, signals=example.signals * kept) for example in examples]


def collect(folder: Path, only: str) -> Iterator[Example]:
    """Yield the examples, with the signals of the product's own search."""
    by_repository: defaultdict[str, list[Instance]] = defaultdict(list)
    for instance in load("learn"):
        if only in ("", instance.repository):
            by_repository[instance.repository].append(instance)
    for repository, instances in by_repository.items():
        git_dir = find(folder, repository)
        with tempfile.TemporaryDirectory() as data, CodeIndex(Path(data) / "index.sqlite") as index:
            for instance in reversed(instances):
                entries = list(tree(git_dir, instance.parent))
                index.update(entries, lambda blobs, git_dir=git_dir: blobs_of(git_dir, blobs))
                index.remember(instance.parent, log_of(git_dir, instance.parent))
                yield example(index, instance, {entry.path: entry.size for entry in entries})
        print(f"collected {repository}", file=sys.stderr, flush=True)


def example(index: CodeIndex, instance: Instance, sizes: dict[str, int]) -> Example:
    """Return one commit's signals."""
    board = index.evidence(instance.query)
    scores = board.score(WEIGHTS)
    evident = [n for n in board.evident() if board.corpus.readable[n]]
    best = sorted(evident, key=lambda number: -scores[number])[:CANDIDATES]
    numbers = list(
        dict.fromkeys(
            [*best, *(n for n in map(board.corpus.paths.numbers.get, instance.gold) if n is not None)]
        )
    )
    place = {number: row for row, number in enumerate(numbers)}
    paths = tuple(board.path(number) for number in numbers)
    signals = np.stack([board.signal(name)[numbers] for name in LEARNED], axis=1)
    offset = sum(
        (weight * board.signal(name)[numbers] for name, weight in BY_HAND.items()), np.zeros(len(numbers))
    )
    gold = tuple(place[n] for path in instance.gold if (n := board.corpus.paths.numbers.get(path)) in place)
    return Example(instance, paths, signals, offset, gold, {path: sizes[path] for path in paths})


def fit(examples: Sequence[Example]) -> Floats:
    """Return the weights."""
    weights = np.zeros(len(LEARNED))
    for _ in range(STEPS):
        gradient, hessian = PENALTY * weights, PENALTY * np.eye(len(LEARNED))
        for each in examples:
            if each.gold:
                first, second = slope(each, weights)
                gradient += first / len(examples)
                hessian += second / len(examples)
        step = np.linalg.solve(hessian, gradient)
        weights -= step * min(1.0, 2.0 / max(1e-9, float(np.abs(step).max())))
        if np.abs(step).max() < 1e-6:
            break
    return weights


def slope(each: Example, weights: Floats) -> tuple[Floats, Floats]:
    """Return the gradient and the Hessian of minus the log-likelihood of a commit's files."""
    scores = each.signals @ weights + each.offset
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    mean = chances @ each.signals
    gradient = mean - each.signals[list(each.gold)].mean(axis=0)
    return gradient, (each.signals * chances[:, None]).T @ each.signals - np.outer(mean, mean)


if __name__ == "__main__":
    main()
