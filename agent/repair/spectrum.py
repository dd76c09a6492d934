"""Which lines each test executes, measured in the sandbox with the repository's own interpreter."""

import json
import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from anyio import to_thread
from pydantic import BaseModel, ValidationError

from moot.agent.core.commands import TestReport

__all__ = ["CoverageRunner", "Spectrum", "measure"]

_PLUGIN = "moot_spectrum"
_FOLDER = ".moot-spectrum-"
_SHELL = frozenset("|&;<>()$`\\\"'*?[]#~\n{}=")


class CoverageRunner(Protocol):
    """Runs a test command in the sandbox."""

    async def run(self, command: str, workspace: Path, only: Sequence[str] = ()) -> TestReport:
        """Run `command` (for a shell, started in `workspace`), or only some of its tests."""
        ...


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Outcome of each test and the lines it executes, as (path, line)."""

    tool: str
    failed: frozenset[str]
    passed: frozenset[str]
    lines: Mapping[tuple[str, int], frozenset[str]]

    def ochiai(self, failing: Collection[str]) -> dict[tuple[str, int], float]:
        """Return the suspiciousness of every line that a failing test executes, in (0, 1].

        Ochiai's coefficient ef / sqrt(F (ef + ep)), where ef and ep are the failing and the passing
        tests that execute the line and F is all failing ones: R. Abreu, P. Zoeteweij, A. van Gemund,
        "An evaluation of similarity coefficients for software fault localization", PRDC 2006.
        """
        bad = self.failed & frozenset(failing) or self.failed
        scores: dict[tuple[str, int], float] = {}
        for place, tests in self.lines.items():
            if hits := len(tests & bad):
                scores[place] = hits / math.sqrt(len(bad) * (hits + len(tests & self.passed)))
        return scores


class _Record(BaseModel):
    """What the plugin wrote: tests by number, and for each file the numbers of a line's tests."""

    tool: str
    tests: list[str]
    outcomes: list[str]
    lines: dict[str, dict[int, list[int]]]


async def measure(
    runner: CoverageRunner, command: str, workspace: Path, tests: Sequence[str]
) -> Spectrum | None:
    """Run tests under the line tracer; None when nothing was recorded (not pytest, or it broke)."""
    with _tracer_in(workspace) as folder:
        await to_thread.run_sync(_install, folder)
        await runner.run(_traced(command, workspace, folder.name), workspace, tests)
        return await to_thread.run_sync(_collect, folder / "out")


def _traced(command: str, workspace: Path, name: str) -> str:
    """Load the plugin by environment; a plain call stays one, so that it can be narrowed to some tests."""
    path = f"{name}:src" if (workspace / "src").is_dir() else name
    place, plugin = f"MOOT_SPECTRUM={name}/out", f"PYTEST_PLUGINS={_PLUGIN}"
    if _SHELL & set(command):
        return f'export {place} {plugin} PYTHONPATH="$PWD/{name}:$PYTHONPATH"; {command}'
    return f"env {place} {plugin} PYTHONPATH={path} {command}"


@contextmanager
def _tracer_in(workspace: Path) -> Generator[Path, None, None]:
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=workspace))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _install(folder: Path) -> None:
    """Copy the plugin and coverage.py (that package alone) to where the sandbox can see them."""
    (folder / "out").mkdir()
    shutil.copyfile(Path(__file__).with_name("pytest_spectrum.py"), folder / f"{_PLUGIN}.py")
    spec = find_spec("coverage")
    if spec is not None and spec.origin is not None:
        leave_out = shutil.ignore_patterns("__pycache__", "htmlfiles")
        shutil.copytree(Path(spec.origin).parent, folder / "lib" / "coverage", ignore=leave_out)


def _collect(folder: Path) -> Spectrum | None:
    records = [record for path in sorted(folder.glob("*.json")) if (record := _read(path))]
    if not any(record.lines for record in records):
        return None
    outcomes: dict[str, str] = {}
    lines: dict[tuple[str, int], frozenset[str]] = {}
    for record in records:
        outcomes.update(zip(record.tests, record.outcomes, strict=False))
        for path, hits in record.lines.items():
            for line, numbers in hits.items():
                names = frozenset(record.tests[number] for number in numbers if number < len(record.tests))
                lines[path, line] = lines.get((path, line), frozenset()) | names
    by_outcome = Counter(outcomes.values())
    if not by_outcome["failed"]:
        return None
    failed = frozenset(test for test, outcome in outcomes.items() if outcome == "failed")
    return Spectrum(records[0].tool, failed, frozenset(outcomes) - failed, lines)


def _read(path: Path) -> _Record | None:
    """Read what a process of the repository wrote: not to be trusted."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        return _Record.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError):
        return None
