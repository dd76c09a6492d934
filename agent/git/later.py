"""What later commits did to the lines of a commit."""

import os
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

from moot.agent.git.names import check_id
from moot.agent.git.plumbing import Git, GitFailed

__all__ = ["Later", "lines_left", "overwritten", "read_later"]

_LAYOUT = "--format=%x00%H%x00%ct%x00%B%x00"
_COMMIT = re.compile(r"\0(?P<id>[0-9a-f]+)\0(?P<seconds>\d+)\0(?P<message>[^\0]*)\0")
_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", re.M)
_DIFF = ("diff-tree", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "-r", "-p", "-U0")
_BLAME = ("blame", "--incremental", "--no-textconv")
_LINES = re.compile(rb"^([0-9a-f]{40,64}) \d+ (\d+) (\d+)$", re.M)


@dataclass(frozen=True, slots=True)
class Later:
    """A commit after another: its id, its time in seconds since 1970, its message."""

    commit: str
    seconds: int
    message: str


def read_later(
    git: Git, commit: str, head: str, paths: Sequence[str], limit: int
) -> tuple[Later, ...] | None:
    """Return the commits between two that change some paths, the oldest first; merges are left out.

    Args:
        git: the directory that has the commits.
        commit, head: the first is left out, the last is not.
        paths: from the top of the repository.
        limit: commits at most, the newest ones.

    Returns:
        None where the first is no ancestor of the last, or objects of the history are missing.
    """
    try:
        if git.line("merge-base", check_id(commit), check_id(head)) != commit:
            return None
        words = ("log", "--no-merges", "--no-show-signature", "--encoding=UTF-8", _LAYOUT)
        output = git.run(*words, f"--max-count={limit}", f"{commit}..{head}", "--", *paths)
    except GitFailed:
        return None
    found = _COMMIT.finditer(os.fsdecode(output))
    return tuple(Later(m["id"], int(m["seconds"]), m["message"].strip()) for m in found)[::-1]


def overwritten(git: Git, commit: str, later: str, paths: Sequence[str]) -> bool:
    """Tell whether a later commit changes lines that a commit wrote, or puts some between two of them."""
    try:
        for path in paths:
            ours = _written(git, commit, f"{check_id(later)}^", path)
            diff = git.run(*_DIFF, f"{later}^", later, "--", path) if ours else b""
            if any(_overlaps(ours, int(first), int(count or 1)) for first, count in _HUNK.findall(diff)):
                return True
    except GitFailed:
        return False
    return False


def lines_left(git: Git, commit: str, at: str, paths: Sequence[str]) -> int:
    """Return how many lines of some files, as they are at a commit, another commit wrote."""
    return sum(len(_written(git, commit, check_id(at), path)) for path in paths)


def _overlaps(ours: Container[int], first: int, removed: int) -> bool:
    """Tell whether a hunk takes one of some lines away, or puts others between two of them."""
    if removed:
        return any(line in ours for line in range(first, first + removed))
    return first in ours and first + 1 in ours


def _written(git: Git, commit: str, at: str, path: str) -> set[int]:
    """Return the numbers (from 1) of the lines of a file that a commit wrote."""
    try:
        output = git.run(*_BLAME, f"{check_id(commit)}^..{at}", "--", path)
    except GitFailed:  # the file is not there
        return set()
    # Lines from before are given to the commit's parent, at which the search ends.
    spans = [
        (int(first), int(count)) for name, first, count in _LINES.findall(output) if name.decode() == commit
    ]
    return {line for first, count in spans for line in range(first, first + count)}
