"""What a repository's history says of files: how often they were changed, and how often to fix something."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from moot.agent.core.types import PastCommit

__all__ = ["MOST_COMMITS", "FileHistory", "file_history", "is_fix", "is_revert"]

MOST_COMMITS = 1000
"""Commits before a change that are looked at; the weights were learned with just so many."""

_MOST_PATHS = 30  # of one commit: a sweep over more says little of each
_FIX = re.compile(
    r"\b(fix(e[sd]|ing|up)?|bug(s|fix\w*)?|defects?|crash\w*|regress\w*|faults?|repair\w*|hotfix\w*|broken?)\b",
    re.IGNORECASE,
)
_NO_FIX = re.compile(
    r"^\W*(docs?|ci|chore|style|build|tests?)\b|\b(typos?|spelling|readme|changelog|lint\w*|flake8|mypy"
    r"|docstrings?|formatting|whitespace|links?)\b",
    re.IGNORECASE,
)
_REVERT = re.compile(
    r"\brevert(s|ed|ing)?\b|\bback(s|ed|ing)? ?out\b|\broll(s|ed|ing)? ?back\b|\bundo(es|ne)?\b",
    re.IGNORECASE,
)


def is_fix(message: str) -> bool:
    """Tell whether the first line of a commit's message says that it fixes a fault of the code."""
    subject = message.strip().partition("\n")[0]
    return _FIX.search(subject) is not None and _NO_FIX.search(subject) is None


def is_revert(message: str) -> bool:
    """Tell whether a commit's message says that it takes something back."""
    return _REVERT.search(message) is not None


@dataclass(frozen=True, slots=True)
class FileHistory:
    """How many commits changed each file, and how many of those fixed something."""

    changes: Mapping[str, int] = field(default_factory=dict[str, int])
    fixes: Mapping[str, int] = field(default_factory=dict[str, int])

    def of(self, paths: Collection[str]) -> tuple[float, float]:
        """Return changes and fixes for a file, on average over some."""
        count = max(1, len(paths))
        changes = sum(self.changes.get(path, 0) for path in paths)
        return changes / count, sum(self.fixes.get(path, 0) for path in paths) / count


def file_history(commits: Iterable[PastCommit]) -> FileHistory:
    """Count over commits; sweeps over many files are left out."""
    changes, fixes = Counter[str](), Counter[str]()
    for commit in commits:
        if len(commit.paths) <= _MOST_PATHS:
            changes.update(commit.paths)
            fixes.update(commit.paths if is_fix(commit.message) else ())
    return FileHistory(changes, fixes)
