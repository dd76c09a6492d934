"""Python: coverage.py, or the interpreter's own tracing, with a context for each test in one process."""

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from anyio import to_thread
from pydantic import BaseModel, ValidationError

from moot.agent.core.commands import TestReport
from moot.agent.core.spectrum import Spectrum
from moot.agent.verify.coverage.base import MOST_FAILING, Session, own_files, spectrum, test_files

__all__ = ["trace_pytest", "trace_unittest"]

_TRACER = "moot_lines"
_PLUGIN = "moot_spectrum"
_BROKE = "the tests wrote no lines: pytest did not run, or it broke"


class _Record(BaseModel):
    """What one process wrote: tests by number, and for each file the numbers of a line's tests."""

    tool: str
    tests: list[str]
    outcomes: list[str]
    lines: dict[str, dict[int, list[int]]]


async def trace_pytest(session: Session) -> Spectrum:
    """Run the files of the failing tests with a plugin; in want of time the failing tests alone.

    Where a file of other tests cannot be imported, pytest runs none: then the others' files are left out.
    """
    await to_thread.run_sync(_install, session.folder)
    await _run(session, {"PYTEST_PLUGINS": _PLUGIN})
    return await to_thread.run_sync(_collect, session, None)


async def trace_unittest(session: Session) -> Spectrum:
    """Run the files of the failing tests; the script that reports their outcomes writes the lines too."""
    await to_thread.run_sync(_install, session.folder)
    report = await _run(session, {})
    return await to_thread.run_sync(_collect, session, report)


async def _run(session: Session, more: dict[str, str]) -> TestReport:
    env = {"MOOT_SPECTRUM": f"{session.inside}/out", "PYTHONPATH": session.inside, **more}
    failing = [case.id for case in session.request.failing[:MOST_FAILING]]
    first: Sequence[str] = test_files(session.request) or failing
    report = await session.run(session.request.command, first, env)
    if report.status == "timeout" and session.left:
        report = await session.run(session.request.command, failing, env)
    elif session.request.related and session.left and report.failed.isdisjoint(failing):
        report = await session.run(session.request.command, own_files(session.request) or failing, env)
    return report


def _install(folder: Path) -> None:
    """Copy the plugin and coverage.py (that package alone) to where the sandbox can see them."""
    for script, name in (("line_tracer.py", _TRACER), ("pytest_spectrum.py", _PLUGIN)):
        shutil.copyfile(Path(__file__).with_name(script), folder / f"{name}.py")
    spec = find_spec("coverage")
    if spec is not None and spec.origin is not None:
        leave_out = shutil.ignore_patterns("__pycache__", "htmlfiles")
        shutil.copytree(Path(spec.origin).parent, folder / "lib" / "coverage", ignore=leave_out)


def _collect(session: Session, report: TestReport | None) -> Spectrum:
    """Join what the processes wrote.

    Args:
        report: gives the outcomes; None: the records do.
    """
    records = [record for _, data in session.written(".json") if (record := _read(data))]
    outcomes = {case.id: case.outcome for case in report.cases} if report else dict[str, str]()
    lines: dict[tuple[str, int], set[str]] = {}
    for record in records:
        if report is None:
            outcomes.update(zip(record.tests, record.outcomes, strict=False))
        for path, hits in record.lines.items():
            for line, numbers in hits.items():
                names = {record.tests[number] for number in numbers if 0 <= number < len(record.tests)}
                lines.setdefault((path, line), set()).update(names)
    tool = records[0].tool if records else ""
    return spectrum(tool, outcomes, lines, "" if lines else _BROKE)


def _read(data: bytes) -> _Record | None:
    """Read what a process of the repository wrote: not to be trusted."""
    try:
        return _Record.model_validate_json(data)
    except ValidationError:
        return None
