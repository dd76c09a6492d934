"""Small fixes in a repository's history: commits that change one hunk of one source file."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from moot.agent.core.testfiles import is_test
from moot.agent.index.paths import is_vendored

__all__ = ["LANGUAGES", "Fix", "Hunk", "fixes", "git"]

LANGUAGES = {
    "py": "python",
    "go": "go",
    "rs": "rust",
    "js": "javascript",
    "mjs": "javascript",
    "cjs": "javascript",
    "ts": "typescript",
    "tsx": "typescript",
}
MOST_LINES = 12
"""Lines that a fix may add and remove together."""

_NOT_SOURCE = re.compile(
    r"(?:^|/)(?:docs?|examples?|benchmarks?|tools|scripts|build|setup|conf)(?:/|\.py$)|_version\.py$|\.d\.ts$"
)
_BOT = re.compile(r"\[bot\]|\bbot\b|dependabot|renovate|greenkeeper|pre-commit", re.IGNORECASE)
_FIXING = re.compile(
    r"\b(?:fix\w*|bugs?|crash\w*|regress\w*|incorrect\w*|wrong\w*|broken|breaks?|fail\w*|errors?|issues?"
    r"|properly|correct\w*|handl\w+|prevents?|avoids?|raises?|no longer|don'?t|doesn'?t|should|missing)\b",
    re.IGNORECASE,
)
_UNWANTED = re.compile(
    r"^\W*(?:chore|docs?|ci|build|style|tests?|revert|release|bump|typo|changelog|lint|format|feat\w*"
    r"|refactor\w*|types?|typing|perf)\b"
    r"|\b(?:typos?|readme|version bump|bump version|docstrings?|mypy|flake8|pylint|ruff|type hints?"
    r"|annotations?)\b",
    re.IGNORECASE,
)
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True)
class Hunk:
    """A hunk of a file, with context: `start` is its first line (1-based) before the change."""

    start: int
    lines: tuple[str, ...]

    @property
    def removed(self) -> list[str]:
        """Lines that go."""
        return [line[1:] for line in self.lines if line.startswith("-")]

    @property
    def added(self) -> list[str]:
        """Lines that come."""
        return [line[1:] for line in self.lines if line.startswith("+")]

    @property
    def span(self) -> tuple[int, int]:
        """First and last line changed before the fix; an insertion has its line before as the last."""
        old, first, last = self.start, 0, 0
        for line in self.lines:
            if line[:1] in "+-":
                first = first or old
                last = old if line.startswith("-") else max(last, old - 1)
            old += not line.startswith("+")
        return first, last


@dataclass(frozen=True)
class Fix:
    """A commit, or a merge seen from its first parent."""

    commit: str
    parent: str
    subject: str
    body: str
    path: str
    hunk: Hunk
    tests: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def language(self) -> str:
        """The language of the source."""
        return LANGUAGES[PurePosixPath(self.path).suffix[1:]]


@dataclass(frozen=True)
class _Change:
    """What a commit does to one file."""

    path: str
    hunks: tuple[Hunk, ...]
    kept: bool  # neither removed nor moved


def git(repository: Path, *words: str) -> str:
    """Return what a git command prints."""
    command = ["git", f"--git-dir={repository}", *words]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")


def fixes(repository: Path, language: str, *, newest: int = 100_000, tested: bool = True) -> Iterator[Fix]:
    """Yield the small fixes, newest first.

    Args:
        repository: a git directory.
        language: of the source.
        newest: commits to look at.
        tested: whether tests have to change as well.
    """
    layout = "%x01%H%x02%P%x02%an%x02%s%x02%b%x03"
    words = ("-m", "--first-parent", "--no-renames", "--no-color", "--no-ext-diff", "-p", f"-n{newest}")
    command = ["git", f"--git-dir={repository}", "log", *words, f"--format={layout}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for entry in _entries(process.stdout):
            fix = _fix(entry)
            if fix and fix.language == language and (fix.tests or not tested):
                yield fix


def _entries(stream: Iterator[bytes]) -> Iterator[str]:
    """Yield the commits of a log; those too long to be small are cut."""
    held: list[bytes] = []
    for line in stream:
        if line.startswith(b"\x01"):
            if held:
                yield b"".join(held).decode("utf-8", "replace")
            held = []
        if len(held) < 4000:
            held.append(line)
    if held:
        yield b"".join(held).decode("utf-8", "replace")


def _fix(entry: str) -> Fix | None:
    head, _, patch = entry.lstrip("\x01").partition("\x03")
    commit, parents, author, subject, body = head.split("\x02")
    if subject.startswith("Merge ") and body.strip():
        subject, _, body = body.strip().partition("\n")
    message = f"{subject}\n{body}"
    if not parents or _BOT.search(author) or _UNWANTED.search(subject) or not _FIXING.search(message):
        return None
    changes = list(_changes(patch))
    sources = [change for change in changes if _is_source(change.path)]
    tests = tuple(change.path for change in changes if _tests(change.path) and change.kept)
    if len(sources) != 1 or len(sources[0].hunks) != 1 or not sources[0].kept:
        return None
    hunk = sources[0].hunks[0]
    if not 0 < len(hunk.removed) + len(hunk.added) <= MOST_LINES:
        return None
    notes = [
        line for change in changes if _is_notes(change.path) for each in change.hunks for line in each.added
    ]
    first = parents.split()[0]
    return Fix(commit, first, subject.strip(), body.strip(), sources[0].path, hunk, tests, tuple(notes))


def _changes(patch: str) -> Iterator[_Change]:
    for part in re.split(r"^diff --git ", patch, flags=re.MULTILINE)[1:]:
        lines = part.split("\n")
        path = lines[0].rpartition(" b/")[2]
        removed = any(line.startswith("deleted file") for line in lines[1:4])
        yield _Change(path, tuple(_hunks(lines)), not removed)


def _hunks(lines: Sequence[str]) -> Iterator[Hunk]:
    start, held = 0, list[str]()
    for line in lines:
        if match := _HUNK.match(line):
            if held:
                yield Hunk(start, tuple(held))
            start, held = int(match[1]), []
        elif start and line[:1] in (" ", "+", "-"):
            held.append(line)
    if held:
        yield Hunk(start, tuple(held))


def _tests(path: str) -> bool:
    return is_test(path) or PurePosixPath(path).name == "test.py"


def _is_source(path: str) -> bool:
    return (
        PurePosixPath(path).suffix[1:] in LANGUAGES
        and not _tests(path)
        and not is_vendored(path)
        and not _NOT_SOURCE.search(path)
    )


def _is_notes(path: str) -> bool:
    return bool(re.search(r"(?:change|news|history|release)", path, re.IGNORECASE)) and path.endswith(
        (".md", ".rst", ".txt", "CHANGES", "CHANGELOG", ".bugfix")
    )
