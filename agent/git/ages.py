"""When each line of a file was last changed."""

import re

from moot.agent.git.names import check_id
from moot.agent.git.plumbing import Git, GitFailed

__all__ = ["read_ages"]

_SINCE = "--since=1.year.ago"
"""Older changes are not told apart, which keeps a long history from being walked to its root."""

_HEAD = re.compile(r"(?P<commit>[0-9a-f]{40,64}) \d+ (?P<line>\d+) (?P<count>\d+)")


def read_ages(git: Git, commit: str, path: str) -> dict[int, int]:
    """Return for each line (from 1) of a commit's file when it was committed, in seconds since 1970.

    Returns:
        Nothing where the file or objects of the history are missing.
    """
    try:
        output = git.run("blame", "--incremental", "--no-textconv", _SINCE, check_id(commit), "--", path)
    except GitFailed:
        return {}
    spans: list[tuple[str, int, int]] = []
    times: dict[str, int] = {}
    for text in output.decode(errors="replace").splitlines():
        if head := _HEAD.fullmatch(text):
            spans.append((head["commit"], int(head["line"]), int(head["count"])))
        elif text.startswith("committer-time ") and spans:
            times[spans[-1][0]] = int(text.split()[1])
    return {first + at: times[name] for name, first, count in spans if name in times for at in range(count)}
