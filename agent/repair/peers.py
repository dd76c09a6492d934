"""Which other tests run beside the failing ones: a line that those execute too is less suspicious."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from moot.agent.core.commands import TestCase
from moot.agent.core.spectrum import TraceRequest
from moot.agent.core.testfiles import is_test

__all__ = ["related_tests", "request"]

_MOST_SOURCES = 3
"""Files that are most relevant to the failure, whose dependents are looked at."""


def related_tests(
    retrieved: Mapping[str, float], dependents: Callable[[Iterable[str]], Sequence[str]]
) -> list[str]:
    """Return files of tests that depend on the sources that are most relevant to a failure.

    Args:
        retrieved: files with their relevance.
        dependents: returns files and those that import them, directly or not.
    """
    sources = [path for path in retrieved if not is_test(path)]
    best = sorted(sources, key=lambda path: -retrieved[path])[:_MOST_SOURCES]
    return list(dict.fromkeys(path for source in best for path in dependents([source]) if is_test(path)))


def request(
    command: str,
    workspace: Path,
    failing: Sequence[TestCase],
    cases: Iterable[TestCase],
    related: Sequence[str],
) -> TraceRequest:
    """Return what is to be measured, with tests of the same file as peers first, then related ones.

    Args:
        command: the test command, for a shell.
        workspace: folder that holds the files as they fail.
        cases: outcomes of all tests that are known.
        related: files of other tests that may execute the same code, nearest first.
    """
    own = {case.file for case in failing}
    order = {path: rank for rank, path in enumerate(related)}
    passed = [case for case in cases if case.outcome == "passed" and (case.file in own or case.file in order)]
    peers = sorted(passed, key=lambda case: (case.file not in own, order.get(case.file, 0)))
    return TraceRequest(command, workspace, tuple(failing), tuple(peers), tuple(related))
