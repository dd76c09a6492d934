"""Which lines each test executes, and what is asked to find out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from moot.agent.core.commands import TestCase

__all__ = ["Spectrum", "TraceRequest"]


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """What is to be measured.

    Attributes:
        command: the test command, for a shell.
        workspace: folder that holds the files as they fail.
        failing: tests that fail there; of many only the first ones are run.
        peers: tests that pass there, nearest to the failing ones first.
        related: files of other tests that may execute the same code, nearest first.
        seconds: the longest that all runs together may take.
    """

    command: str
    workspace: Path
    failing: tuple[TestCase, ...]
    peers: tuple[TestCase, ...] = ()
    related: tuple[str, ...] = ()
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Outcome of each test and the lines it executes, as (path, line from 1).

    Attributes:
        tool: what measured, with its version where that is known; empty when nothing did.
        reason: why nothing was measured, or less than was asked for; a clause, empty when all was.
    """

    tool: str = ""
    failed: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()
    lines: Mapping[tuple[str, int], frozenset[str]] = field(
        default_factory=dict[tuple[str, int], frozenset[str]]
    )
    reason: str = ""
