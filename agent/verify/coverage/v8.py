"""JavaScript and TypeScript in Node: V8's block coverage, taken at the ends of each test in one process."""

import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from anyio import to_thread
from pydantic import BaseModel, ValidationError

from moot.agent.core.commands import TestReport
from moot.agent.core.spectrum import Spectrum
from moot.agent.verify.coverage.base import MOST_FAILING, Session, spectrum, test_files, with_options

__all__ = ["executed_lines", "trace_mocha", "trace_node"]

_MOST_PEERS = 100
_SOURCE_URL = "\n\n//# sourceURL="
"""What Node adds to TypeScript whose types it blanked out, which leaves all else in its place."""

_SCRIPTS = ("v8_record.cjs", "node_spectrum.mjs", "mocha_spectrum.cjs")
_BROKE = "the tests wrote no coverage: Node 18.19 or later is needed, and {} has to start the tests itself"

Range = tuple[int, int, int]
"""From, to (exclusive; in UTF-16 units) and how often."""


class _Test(BaseModel):
    id: str
    scripts: list[dict[str, list[Range]]]


class _Record(BaseModel):
    """What one process wrote; `lengths` are of the scripts as V8 ran them, by path from the top."""

    tool: str
    lengths: dict[str, int]
    tests: list[_Test]


async def trace_node(session: Session) -> Spectrum:
    """Run the files of the failing tests with a module that Node loads before each."""
    _install(session.folder)
    preload = Path(f"{session.inside}/{_SCRIPTS[1]}").as_uri()
    env = {**_env(session), "NODE_OPTIONS": f"--import={preload}"}
    report = await session.run(session.request.command, test_files(session.request), env)
    return await to_thread.run_sync(_collect, session, report, "node --test")


async def trace_mocha(session: Session) -> Spectrum:
    """Run the failing tests and their nearest peers with root hooks."""
    _install(session.folder)
    hooks = shlex.quote(f"{session.inside}/{_SCRIPTS[2]}")
    command = with_options(session.request.command, ("--require", hooks))
    if command is None:
        return Spectrum(reason="the test command cannot be taken apart")
    chosen = (*session.request.failing[:MOST_FAILING], *session.request.peers[:_MOST_PEERS])
    report = await session.run(command, [case.id for case in chosen], _env(session))
    return await to_thread.run_sync(_collect, session, report, "Mocha")


def executed_lines(text: str, ranges: Iterable[Range]) -> list[int]:
    """Return the lines (from 1) of which some character other than space was executed.

    V8 gives nested ranges: the innermost one around a character says how often it was executed, as c8 and
    v8-to-istanbul read them.
    """
    units = [len(line.encode("utf-16-le", "surrogatepass")) // 2 for line in text.split("\n")]
    painted = bytearray(sum(units) + len(units))
    for start, end, count in sorted(ranges, key=lambda each: (each[0], -each[1])):
        start = max(0, start)
        end = max(start, min(end, len(painted)))
        painted[start:end] = bytes((count > 0,)) * (end - start)
    lines: list[int] = []
    at = 0
    for number, (line, size) in enumerate(zip(text.split("\n"), units, strict=True), start=1):
        margin = len(line) - len(line.lstrip())
        if line.strip() and painted.find(1, at + margin, at + size) >= 0:
            lines.append(number)
        at += size + 1
    return lines


def _install(folder: Path) -> None:
    for name in _SCRIPTS:
        shutil.copyfile(Path(__file__).with_name(name), folder / name)


def _env(session: Session) -> Mapping[str, str]:
    return {"MOOT_SPECTRUM": f"{session.inside}/out", "MOOT_ROOT": session.root}


def _collect(session: Session, report: TestReport, runner: str) -> Spectrum:
    records = [record for _, data in session.written(".json") if (record := _read(data))]
    lengths = {path: size for record in records for path, size in record.lengths.items()}
    texts = {path: session.source(path).decode("utf-8-sig", "replace") for path in lengths}
    moved = [path for path, size in lengths.items() if not _same(texts[path], size)]
    lines: dict[tuple[str, int], set[str]] = {}
    for test in (test for record in records for test in record.tests):
        for path, line in _lines(test.scripts, texts):
            if path not in moved:
                lines.setdefault((path, line), set()).add(test.id)
    outcomes = {case.id: case.outcome for case in report.cases}
    reason = _BROKE.format(runner) if not records else ""
    if moved:
        reason = f"{moved[0]} runs as another text than it has, and source maps are not read"
    return spectrum(records[0].tool if records else "", outcomes, lines, reason)


def _lines(
    scripts: Sequence[Mapping[str, Sequence[Range]]], texts: Mapping[str, str]
) -> Iterable[tuple[str, int]]:
    for found in scripts:
        for path, ranges in found.items():
            for line in executed_lines(texts.get(path, ""), ranges):
                yield path, line


def _same(text: str, size: int) -> bool:
    """Tell whether V8 ran a text as it stands in its file, but for the line that Node adds."""
    more = size - len(text.encode("utf-16-le", "surrogatepass")) // 2
    return more == 0 or more > len(_SOURCE_URL)


def _read(data: bytes) -> _Record | None:
    try:
        return _Record.model_validate_json(data)
    except ValidationError:
        return None
