"""Does the risk model find the commits that brought defects, and better than their size alone?

    PYTHONPATH=. python tests/bench/risk_history.py REPOSITORIES [--rows FILE] [--fit]

REPOSITORIES is a folder of git directories, OWNER+NAME/repo or OWNER/NAME. A commit brought a defect when a
later one whose subject says that it fixes something removes a line that blame gives to it (SZZ: Sliwerski,
Zimmermann and Zeller, 2005; comments and blank lines do not count). Weights are learned on some repositories
up to a date, from fixes up to that date; figures are of other repositories after it.
"""

import argparse
import itertools
import json
import math
import random
import re
import subprocess
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from moot.agent.core.outcomes import Features
from moot.agent.core.testfiles import is_test
from moot.agent.core.types import FileDelta
from moot.agent.index.live import outline_text
from moot.agent.risk import model
from moot.agent.risk.features import Surroundings, features_of
from moot.agent.risk.past import MOST_COMMITS, FileHistory, is_fix
from moot.agent.risk.touched import old_spans, touched_names
from moot.agent.syntax import language_of

LEARN = (
    *("pallets/jinja", "pallets/werkzeug", "python-attrs/attrs", "python-jsonschema/jsonschema"),
    *("tj/commander.js", "validatorjs/validator.js", "gin-gonic/gin", "guzzle/guzzle"),
)
REPORT = (
    *("encode/httpx", "encode/starlette", "lark-parser/lark", "fastify/fastify"),
    *("PyCQA/isort", "marshmallow-code/marshmallow", "sharkdp/bat", "App-vNext/Polly"),
)
CUTOFF = int(datetime(2019, 1, 1, tzinfo=UTC).timestamp())
YEAR = 365 * 86_400
WINDOW, SAMPLE, FIXES = 600, 150, 300
"""Commits of a repository that are looked at, drawn from those, and fixes that are blamed."""
MOST_FILES = 10  # of a fix, and files whose definitions are read
RESAMPLES = 1000
_COMMENT = re.compile(r"\s*(#|//|/?\*|\"\"\"|'''|--|$)")
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", re.M)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Commit:
    """A commit as `git log --numstat` prints it."""

    id: str
    parent: str
    seconds: int
    subject: str
    files: tuple[tuple[str, int, int], ...]

    @property
    def sources(self) -> list[str]:
        """Changed files that are code and no tests."""
        return [path for path, _, _ in self.files if _is_source(path)]


@dataclass(frozen=True)
class Row:
    """A sampled commit, what predicts, and whether it brought a defect."""

    repository: str
    commit: str
    features: Features
    bad: bool


def git(repository: Path, *words: str, ok: tuple[int, ...] = (0,)) -> str:
    """Return what a git command prints."""
    command = ["git", f"--git-dir={repository}", *words]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace") if done.returncode in ok else ""


def _is_source(path: str) -> bool:
    return language_of(path) is not None and not is_test(path)


def commits(repository: Path) -> list[Commit]:
    """Return all commits but merges, the oldest first."""
    layout = "--format=%x01%H%x02%P%x02%ct%x02%s"
    text = git(repository, "log", "--no-merges", "--no-renames", "--numstat", layout, "HEAD")
    return sorted(map(_commit, text.split("\1")[1:]), key=lambda commit: commit.seconds)


def _commit(text: str) -> Commit:
    head, _, body = text.partition("\n")
    name, parent, seconds, subject = head.split("\2", 3)
    files: list[tuple[str, int, int]] = []
    for line in body.splitlines():
        parts = line.split("\t")
        if len(parts) == 3 and parts[0] != "-":
            files.append((parts[2], int(parts[0]), int(parts[1])))
    return Commit(name, parent.partition(" ")[0], int(seconds), subject, tuple(files))


def inducing(repository: Path, fix: Commit) -> Iterator[str]:
    """Yield the commits that wrote the lines which a fix removes."""
    for path in fix.sources:
        words = ("diff-tree", "-r", "-p", "-U0", "--no-renames", fix.parent, fix.id, "--", path)
        ranges = list(_removed(git(repository, *words)))
        if ranges:
            spans = [f"-L{first},{last}" for first, last in ranges]
            text = git(repository, "blame", "-s", "-l", "--root", *spans, fix.parent, "--", path)
            yield from (line.split(" ", 1)[0] for line in text.splitlines())


def _removed(diff: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of removed lines that hold code, as in the old file."""
    number = 0
    for line in diff.splitlines():
        if head := _HUNK.match(line):
            number = int(head[1])
        elif line.startswith("-") and not line.startswith("---"):
            if not _COMMENT.match(line[1:]):
                yield number, number
            number += 1


def rows(folder: Path, name: str, *, learn: bool) -> Iterator[Row]:
    """Yield the sampled commits of one repository."""
    repository, draw = folder, random.Random(name)
    every = commits(repository)
    end = CUTOFF if learn else every[-1].seconds
    begin = 0 if learn else CUTOFF
    told = [
        c
        for c in every
        if begin <= c.seconds <= end - YEAR and c.sources and len(c.files) <= 100 and c.parent
    ]
    window = told[-WINDOW:] if learn else told[:WINDOW]
    fixes = [
        c
        for c in every
        if window[0].seconds <= c.seconds <= end and is_fix(c.subject) and 0 < len(c.sources) <= MOST_FILES
    ]
    fixes = fixes if len(fixes) <= FIXES else draw.sample(fixes, FIXES)
    bad = {commit for fix in fixes if fix.parent for commit in inducing(repository, fix)}
    sample = {c.id for c in draw.sample(window, min(SAMPLE, len(window)))}
    for commit, past in _with_past(every):
        if commit.id in sample:
            yield Row(name, commit.id, _features(repository, commit, past), commit.id in bad)


def _with_past(every: Sequence[Commit]) -> Iterator[tuple[Commit, FileHistory]]:
    """Yield each commit with what the last ones before it say."""
    changes, fixes, recent = Counter[str](), Counter[str](), deque[Commit]()
    for commit in every:
        yield commit, FileHistory(changes, fixes)
        recent.append(commit)
        _count(commit, changes, fixes, 1)
        if len(recent) > MOST_COMMITS:
            _count(recent.popleft(), changes, fixes, -1)


def _count(commit: Commit, changes: Counter[str], fixes: Counter[str], by: int) -> None:
    if len(commit.files) <= 30:
        for path, _, _ in commit.files:
            changes[path] += by
            fixes[path] += by * is_fix(commit.subject)


def _features(repository: Path, commit: Commit, past: FileHistory) -> Features:
    known = set(git(repository, "ls-tree", "-r", "--name-only", commit.parent).splitlines())
    deltas = [FileDelta(path, more, less, path in known, True) for path, more, less in commit.files]
    return features_of(deltas, Surroundings(past, _fan_in(repository, commit, known)))


def _fan_in(repository: Path, commit: Commit, known: set[str]) -> tuple[str, int] | None:
    names: set[str] = set()
    for path in [path for path in commit.sources if path in known][:MOST_FILES]:
        old = git(repository, "show", f"{commit.parent}:{path}").encode()
        new = git(repository, "show", f"{commit.id}:{path}").encode()
        names |= set(touched_names(outline_text(path, old), old_spans(old, new)))
    touched = {path for path, _, _ in commit.files}
    found = {name: len(_naming(repository, commit.parent, name) - touched) for name in sorted(names)[:20]}
    return max(found.items(), key=lambda pair: pair[1], default=("", 0))


def _naming(repository: Path, commit: str, name: str) -> set[str]:
    text = git(repository, "grep", "-lwF", "-e", name, commit, ok=(0, 1))
    return {line.partition(":")[2] for line in text.splitlines()}


# --- learning -------------------------------------------------------------------------------


def fit(learned: Sequence[Row]) -> tuple[list[tuple[str, float, float, float]], float]:
    """Fit the weights, none of them negative, with an intercept for each repository.

    Returns:
        Name, weight, mean and scale of each feature that history tells, and the intercept with which
        the mean probability is the share of commits that brought a defect.
    """
    names = [t.name for t in model.TERMS if any(getattr(r.features, t.name) is not None for r in learned)]
    x = np.array([[v for v in model.values(row.features) if v is not None] for row in learned])
    y = np.array([row.bad for row in learned], float)
    mean, scale = x.mean(0), x.std(0)
    groups = sorted({row.repository for row in learned})
    which = np.array([groups.index(row.repository) for row in learned])
    weights = _ascend((x - mean) / scale, y, np.eye(len(groups))[which])
    odds = (x - mean) / scale @ weights
    low, high = -10.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _sigmoid(odds + middle).mean() < y.mean() else (low, middle)
    return list(zip(names, weights.tolist(), mean.tolist(), scale.tolist(), strict=True)), low


def _ascend(x: Floats, y: Floats, groups: Floats) -> Floats:
    """Maximise the likelihood less a ridge, by projected gradients."""
    weights, offsets = np.zeros(x.shape[1]), np.zeros(groups.shape[1])
    for _ in range(20_000):
        error = y - _sigmoid(x @ weights + groups @ offsets)
        weights = np.maximum(0, weights + 0.05 * (x.T @ error / len(y) - 0.01 * weights))
        offsets += 0.05 * groups.T @ error / len(y) * groups.shape[1]
    return weights


def _sigmoid(odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-odds))


# --- the report -----------------------------------------------------------------------------

Score = Callable[[Features], float]


def former(features: Features) -> float:
    """Return the formula that size and spread alone had."""
    size = features.added + features.removed
    return 1 - math.exp(-(size + 10 * (features.files - 1) + 10 * (features.folders - 1)) / 87)


def auc(scores: Floats, bad: npt.NDArray[np.bool_]) -> float:
    """Return the chance that a bad commit is above a good one; ties count half."""
    above = scores[bad][:, None] - scores[~bad][None, :]
    return float(np.mean((above > 0) + 0.5 * (above == 0))) if above.size else math.nan


def recall(scores: Floats, bad: npt.NDArray[np.bool_], effort: Floats) -> float:
    """Return the share of bad commits among the first that take 20 % of the effort."""
    order = np.argsort(-scores, kind="stable")
    first = np.cumsum(effort[order]) <= 0.2 * effort.sum()
    return float(bad[order][first].sum() / max(1, bad.sum()))


def figures(told: Sequence[Row], score: Score) -> Floats:
    """Return AUC, recall in 20 % of the commits and in 20 % of the lines, each the mean over repositories."""
    found: list[tuple[float, float, float]] = []
    for _, group in itertools.groupby(told, key=lambda row: row.repository):
        part = list(group)
        scores = np.array([score(row.features) for row in part])
        bad = np.array([row.bad for row in part])
        lines = np.array([row.features.added + row.features.removed + 1.0 for row in part])
        density = scores / lines
        found.append((auc(scores, bad), recall(scores, bad, np.ones(len(part))), recall(density, bad, lines)))
    return np.nanmean(np.array(found), axis=0)


def resampled(told: Sequence[Row], score: Score) -> Floats:
    """Return the figures of commits drawn again within repositories; the same ones for each score."""
    draw = random.Random(1)
    parts = [list(group) for _, group in itertools.groupby(told, key=lambda row: row.repository)]
    return np.array(
        [
            figures([row for part in parts for row in draw.choices(part, k=len(part))], score)
            for _ in range(RESAMPLES)
        ]
    )


def report(told: Sequence[Row]) -> None:
    """Print the table: each figure with its 95 % interval."""
    base = float(np.mean([row.bad for row in told]))
    print(
        f"{len(told)} commits of {len({r.repository for r in told})} repositories, {base:.1%} with a defect"
    )
    print("score          AUC                 recall, 20 % of commits   recall, 20 % of lines    Brier")
    systems: dict[str, Score] = {
        "random": lambda features: zlib.crc32(repr(features).encode()) / 2**32,
        "lines added": lambda features: features.added,
        "former": former,
        "logistic": model.probability,
    }
    drawn = {name: resampled(told, score) for name, score in systems.items()}
    for name, score in systems.items():
        brier = np.mean([(score(row.features) - row.bad) ** 2 for row in told])
        told_brier = f"{brier:.4f}" if name in ("former", "logistic") else ""
        print(f"{name:<12} {_cells(figures(told, score), drawn[name])}  {told_brier}")
    for name in ("lines added", "former"):
        difference = figures(told, systems["logistic"]) - figures(told, systems[name])
        print(f"logistic − {name:<12} {_cells(difference, drawn['logistic'] - drawn[name])}")
    print(f"Brier score of the share alone {base * (1 - base):.4f}")


def _cells(values: Floats, drawn: Floats) -> str:
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    each = zip(values, low, high, strict=True)
    return "  ".join(f"{at:.3f} [{least:.3f}, {most:.3f}]" for at, least, most in each)


def _read(file: Path) -> list[tuple[bool, Row]]:
    parsed = [json.loads(line) for line in file.read_text().splitlines()]
    return [
        (p["learn"], Row(p["repository"], p["commit"], Features(**p["features"]), p["bad"])) for p in parsed
    ]


def _mine(folder: Path, file: Path | None) -> list[tuple[bool, Row]]:
    found = _read(file) if file is not None and file.is_file() else []
    done = {row.repository for _, row in found}
    for name in [name for name in (*LEARN, *REPORT) if name not in done]:
        places = (folder / name.replace("/", "+") / "repo", folder / name, folder / name / ".git")
        place = next(place for place in places if (place / "HEAD").is_file())
        found += [(name in LEARN, row) for row in rows(place, name, learn=name in LEARN)]
        print(name, Counter(row.bad for _, row in found if row.repository == name), flush=True)
        if file is not None:
            lines = [json.dumps({"learn": learn, **asdict(row)}) for learn, row in found]
            file.write_text("\n".join(lines))
    return found


def main() -> None:
    """Mine or read the rows; print what was learned, or how the model does."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("repositories", type=Path)
    arguments.add_argument("--rows", type=Path, help="where rows are kept between calls")
    arguments.add_argument("--fit", action="store_true", help="learn the weights and print them")
    given = arguments.parse_args()
    found = _mine(given.repositories, given.rows)
    if given.fit:
        terms, intercept = fit([row for learn, row in found if learn])
        for term in terms:
            print("{} weight {:.2f} mean {:.2f} scale {:.2f}".format(*term))
        print(f"intercept {intercept:.2f}")
    odds = [model.probability(row.features) for learn, row in found if learn]
    print("probability at quartiles of the learned half:", np.quantile(odds, (0.25, 0.5, 0.75)).round(3))
    report([row for learn, row in found if not learn])


if __name__ == "__main__":
    main()
