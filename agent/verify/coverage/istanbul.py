"""Jest and Vitest: their own coverage, as Istanbul's JSON, of one run for each test.

Both run tests in transformed text and map its places back; Jest always can, Vitest where a provider of
coverage (`@vitest/coverage-v8`, `@vitest/coverage-istanbul`) is installed.
"""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from anyio import to_thread
from pydantic import BaseModel, RootModel, ValidationError

from moot.agent.core.commands import TestCase
from moot.agent.core.spectrum import Spectrum
from moot.agent.verify.coverage.base import Session, spectrum, with_options

__all__ = ["trace_jest", "trace_vitest"]

_MOST_FAILING = 3
_MOST_PEERS = 8
_REPORT = "coverage-final.json"
_JEST = ("--coverage", "--coverageReporters=json", "--coverageThreshold={}", "--coverageDirectory=")
_VITEST = (
    "--coverage.enabled=true",
    "--coverage.reporter=json",
    "--coverage.reportOnFailure=true",
    "--coverage.thresholds.lines=0",
    "--coverage.reportsDirectory=",
)


class _Place(BaseModel):
    line: int | None = None


class _Span(BaseModel):
    start: _Place


class _File(BaseModel):
    path: str
    statementMap: dict[str, _Span]  # noqa: N815
    s: dict[str, int]


class _Coverage(RootModel[dict[str, _File]]):
    """https://github.com/istanbuljs/istanbuljs/blob/main/docs/raw-output.md."""


async def trace_jest(session: Session) -> Spectrum:
    """Run the first failing tests and their nearest peers one by one."""
    return await _trace(session, "Jest", _JEST, "it wrote no coverage")


async def trace_vitest(session: Session) -> Spectrum:
    """Run the first failing tests and their nearest peers one by one."""
    return await _trace(session, "Vitest", _VITEST, "@vitest/coverage-v8 is not installed")


async def _trace(session: Session, tool: str, options: Sequence[str], missing: str) -> Spectrum:
    outcomes: dict[str, str] = {}
    lines: dict[tuple[str, int], set[str]] = {}
    for number, case in enumerate(_chosen(session)):
        if not session.left:
            break
        folder = f"{session.inside}/out/{number}"
        words = [*map(shlex.quote, options[:-1]), shlex.quote(f"{options[-1]}{folder}")]
        command = with_options(session.request.command, words)
        if command is None:
            return Spectrum(reason="the test command cannot be taken apart")
        report = await session.run(command, [case.id])
        outcomes |= {each.id: each.outcome for each in report.cases if each.id == case.id}
        places = await to_thread.run_sync(_places, session, number)
        for place in places:
            lines.setdefault(place, set()).add(case.id)
        if not places and number == 0:
            return Spectrum(reason=f"{tool} measures nothing here: {missing}")
    return spectrum(f"{tool}'s coverage", outcomes, lines)


def _chosen(session: Session) -> Sequence[TestCase]:
    return (*session.request.failing[:_MOST_FAILING], *session.request.peers[:_MOST_PEERS])


def _places(session: Session, number: int) -> list[tuple[str, int]]:
    data = session.source(f"{session.name}/out/{number}/{_REPORT}")
    try:
        coverage = _Coverage.model_validate_json(data)
    except ValidationError:
        return []
    return list(_executed(coverage, PurePosixPath(session.root)))


def _executed(coverage: _Coverage, root: PurePosixPath) -> Iterator[tuple[str, int]]:
    for file in coverage.root.values():
        path = PurePosixPath(file.path)
        if not path.is_relative_to(root):
            continue
        for key, span in file.statementMap.items():
            if file.s.get(key) and span.start.line:
                yield str(path.relative_to(root)), span.start.line
