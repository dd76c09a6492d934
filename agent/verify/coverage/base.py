"""One measurement: its scratch folder in the workspace, its runs, and what it comes to."""

import secrets
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from moot.agent.core.commands import TestReport
from moot.agent.core.folders import remove
from moot.agent.core.spectrum import Spectrum, TraceRequest
from moot.agent.verify.runner import TestRunner
from moot.agent.verify.scripts import Segment
from moot.agent.verify.shell import chain
from moot.agent.verify.tree import Tree

__all__ = ["MOST_FAILING", "Session", "own_files", "scratch", "spectrum", "test_files", "with_options"]

MOST_FAILING = 20
"""Failing tests that are run."""

_MOST_RELATED = 4  # files of other tests
_MOST_FILES = 4000  # that a measurement may leave behind
_NO_TIME = 1.0  # seconds below which no further run is started
_MANAGERS_WITH_DASHES = ("npm",)

Lines = Mapping[tuple[str, int], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Session:
    """What a language's measurement works with.

    Attributes:
        segment: the call that runs the tests; None where the command cannot be taken apart.
        name: the scratch folder in the workspace; its folder `out` takes what is measured.
    """

    runner: TestRunner
    request: TraceRequest
    segment: Segment | None
    name: str
    began: float = field(default_factory=time.monotonic)

    @property
    def folder(self) -> Path:
        """The scratch folder on this machine."""
        return self.request.workspace / self.name

    @property
    def root(self) -> str:
        """The top of the workspace, as the tests see it."""
        return str(self.runner.inside(self.request.workspace))

    @property
    def inside(self) -> str:
        """The scratch folder, as the tests see it."""
        return f"{self.root}/{self.name}"

    @property
    def left(self) -> float:
        """Seconds that are left for further runs; 0 when they are too few."""
        left = self.request.seconds - (time.monotonic() - self.began)
        return left if left > _NO_TIME else 0.0

    async def run(
        self, command: str, only: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> TestReport:
        """Run a command at the top of the workspace in the time that is left."""
        return await self.runner.run(
            command, self.request.workspace, only, max(_NO_TIME, self.left), env=env or {}
        )

    def written(self, suffix: str) -> Iterator[tuple[str, bytes]]:
        """Yield name (from `out`) and bytes of each file that was left there, links left out."""
        with ExitStack() as stack:
            tree = Tree.open(self.request.workspace, stack)
            top = f"{self.name}/out"
            for name in tree.names(top)[:_MOST_FILES]:
                if name.endswith(suffix):
                    yield name, tree.read(f"{top}/{name}")

    def source(self, path: str) -> bytes:
        """Return a file of the workspace; nothing when there is none, or a link is on the way."""
        with ExitStack() as stack:
            return Tree.open(self.request.workspace, stack).read(path)


@contextmanager
def scratch(workspace: Path) -> Generator[str]:
    """Make a scratch folder whose name no test can know beforehand, and remove it in the end."""
    name = f".moot-spectrum-{secrets.token_hex(8)}"
    (workspace / name / "out").mkdir(parents=True)
    try:
        yield name
    finally:
        remove(workspace / name)


def spectrum(tool: str, outcomes: Mapping[str, str], lines: Lines, reason: str = "") -> Spectrum:
    """Return what was measured, of tests that passed or failed and executed something.

    Args:
        outcomes: by test, as in a report's cases.
        lines: for each place the tests that execute it.
        reason: why there is less than there might be.
    """
    ran = frozenset(test for tests in lines.values() for test in tests)
    failed = frozenset(test for test in ran if outcomes.get(test) in ("failed", "error"))
    passed = frozenset(test for test in ran if outcomes.get(test) == "passed")
    if not failed:
        return Spectrum(reason=reason or "no failing test was among those that were measured")
    told = {place: frozenset(tests) & (failed | passed) for place, tests in lines.items()}
    return Spectrum(tool, failed, passed, {place: tests for place, tests in told.items() if tests}, reason)


def test_files(request: TraceRequest) -> list[str]:
    """Return the files of the failing tests, then a few of those that may execute the same code."""
    return list(dict.fromkeys([*own_files(request), *request.related[:_MOST_RELATED]]))


def own_files(request: TraceRequest) -> list[str]:
    """Return the files of the failing tests."""
    return list(dict.fromkeys(case.file for case in request.failing[:MOST_FAILING] if case.file))


def with_options(command: str, options: Sequence[str]) -> str | None:
    """Return a command whose last call has more options; None where it cannot be taken apart.

    Args:
        options: shell words.
    """
    calls = chain(command)
    if not calls:
        return None
    last = calls[-1]
    dashes = ("--",) if last[0] in _MANAGERS_WITH_DASHES and "--" not in last else ()
    return " && ".join(" ".join(call) for call in (*calls[:-1], (*last, *dashes, *options)))
