"""What the last commits changed, and what their messages say."""

import os
import re

from moot.agent.core.types import PartialLog, PastCommit
from moot.agent.git.names import check_id
from moot.agent.git.plumbing import Git, GitFailed

__all__ = ["read_log"]

_COMMAND = (
    "log",
    "--no-merges",
    "--no-renames",
    "--no-show-signature",
    "--name-only",
    "-z",
    "--encoding=UTF-8",
)
_LAYOUT = "--format=%x00%ct%x00%B%x00"
_COMMIT = re.compile(r"\0(?P<seconds>\d+)\0(?P<message>[^\0]*)\0\0(?:\n(?P<paths>(?:[^\0]+\0)+))?")
"""NUL is the one character that neither a message nor a path can hold."""


def read_log(git: Git, commit: str, limit: int) -> list[PastCommit]:
    """Return a commit and those before it, the newest first; merges are left out.

    Args:
        git: the directory that has the commits.
        commit: where to begin.
        limit: commits at most.

    Returns:
        Nothing where objects of the history are missing, as in a clone without trees; `PartialLog` in a
        shallow clone.
    """
    try:
        output = git.run(*_COMMAND, _LAYOUT, f"--max-count={limit}", check_id(commit), "--")
        shallow = git.line("rev-parse", "--is-shallow-repository") == "true"
    except GitFailed:
        return []
    found = [
        PastCommit(int(m["seconds"]), m["message"].strip(), tuple((m["paths"] or "").split("\0")[:-1]))
        for m in _COMMIT.finditer(os.fsdecode(output))
    ]
    return PartialLog(found) if shallow else found
