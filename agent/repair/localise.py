"""Fault localisation: which lines of the workspace the failing tests point at, most suspicious first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from moot.agent.core.commands import TestCase
from moot.agent.repair.frames import places, ranks, shared_words, words
from moot.agent.repair.source import Source, is_test_path
from moot.agent.repair.spectrum import CoverageRunner, Spectrum, measure

__all__ = ["Localisation", "Suspect", "localise"]

Place = tuple[str, int]

_MAX_SUSPECTS = 400
_MAX_TESTS = 20
_MAX_FILE = 1_000_000
_WEIGHTS = (1.0, 1.0, 1.0)
"""Of execution, shared words and stack frames. Equal: no data here says better."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A line (1-based) and how suspicious it is, in [0, 1]."""

    path: str
    line: int
    score: float


@dataclass(frozen=True, slots=True)
class Localisation:
    """Suspects, most suspicious first; `note` says in one sentence how they were found.

    Attributes:
        executed: files with the tests that executed them, where that was measured.
    """

    suspects: tuple[Suspect, ...]
    note: str
    measured: bool = False
    executed: tuple[tuple[str, tuple[str, ...]], ...] = ()


async def localise(
    runner: CoverageRunner,
    command: str,
    workspace: Path,
    failing: Sequence[TestCase],
    files: Sequence[str],
    task: str = "",
) -> Localisation:
    """Rank the lines that failing tests execute.

    Args:
        command: the test command, for a shell.
        workspace: folder that holds the files as they fail.
        failing: the failing tests to explain, with their messages.
        files: paths under version control; only these, and no tests among them, are suspected.
        task: the task's own words, which often name what is wrong.
    """
    suspected = [path for path in files if not is_test_path(path)]
    spectrum = await _spectrum(runner, command, workspace, failing)
    return await to_thread.run_sync(_rank, spectrum, workspace, failing, suspected, task)


async def _spectrum(
    runner: CoverageRunner, command: str, workspace: Path, failing: Sequence[TestCase]
) -> Spectrum | None:
    tests = dict.fromkeys(case.id.split("::", 1)[0] for case in failing[:_MAX_TESTS])
    if not tests or not all(test.endswith(".py") for test in tests):
        return None
    return await measure(runner, command, workspace, list(tests))


def _rank(
    spectrum: Spectrum | None, workspace: Path, failing: Sequence[TestCase], files: Sequence[str], task: str
) -> Localisation:
    messages = "\n".join(case.message for case in failing)
    frames = places(messages, files)
    executed = _executed(spectrum, failing, files)
    sources = _read(workspace, {path for path, _ in executed} or {path for path, _ in frames})
    if executed and spectrum is not None:
        note = f"lines that the failing tests execute, by {spectrum.tool}"
        scores = executed
    else:
        note = "no line coverage: functions that the stack traces name"
        scores = _around(frames, sources)
    if not scores:
        return Localisation((), "no line coverage, and no stack trace names a file of the repository")
    query = words(task) | words(_names(failing))
    texts = {place: _texts(sources, place) for place in scores}
    lexical = shared_words(query, {place: text for place, text in texts.items() if text[0]})
    suspects = _combine(scores, lexical, ranks([*frames, *places(task, files)]))
    return Localisation(suspects[:_MAX_SUSPECTS], note, bool(executed), _tests_of(spectrum))


def _tests_of(spectrum: Spectrum | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    tests: dict[str, set[str]] = {}
    for (path, _), names in spectrum.lines.items() if spectrum is not None else ():
        tests.setdefault(path, set()).update(names)
    return tuple((path, tuple(sorted(names))) for path, names in sorted(tests.items()))


def _executed(
    spectrum: Spectrum | None, failing: Sequence[TestCase], files: Sequence[str]
) -> dict[Place, float]:
    if spectrum is None:
        return {}
    wanted = frozenset(files)
    scores = spectrum.ochiai([case.id for case in failing])
    return {place: score for place, score in scores.items() if place[0] in wanted}


def _read(workspace: Path, paths: set[str]) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for path in sorted(paths):
        file = workspace / path
        inside = file.resolve().is_relative_to(workspace.resolve())
        if inside and file.is_file() and file.stat().st_size <= _MAX_FILE:
            sources[path] = Source.parse(path, file.read_bytes())
    return sources


def _around(frames: Sequence[Place], sources: Mapping[str, Source]) -> dict[Place, float]:
    """Spread each frame over the statements of its function, less with the distance in lines."""
    scores: dict[Place, float] = {}
    for (path, line), weight in ranks(frames).items():
        source = sources.get(path)
        function = source.function_at_line(line) if source else None
        lines = {line}
        if source is not None and function is not None:
            inside = (node for node in source.statements(function) if node != function)
            lines |= {node.start_point.row + 1 for node in inside}
        for near in lines:
            score = weight / (1 + abs(near - line) / 10)
            scores[path, near] = max(score, scores.get((path, near), 0.0))
    return scores


def _names(failing: Sequence[TestCase]) -> str:
    return " ".join(case.id.rsplit("::", 1)[-1] for case in failing)


def _texts(sources: Mapping[str, Source], place: Place) -> tuple[str, str]:
    source = sources.get(place[0])
    if source is None:
        return "", ""
    function = source.function_at_line(place[1])
    name = function.child_by_field_name("name") if function is not None else None
    return source.line(place[1]).strip(), source.text(name) if name is not None else ""


def _combine(
    scores: Mapping[Place, float], lexical: Mapping[Place, float], traced: Mapping[Place, float]
) -> tuple[Suspect, ...]:
    top = max(scores.values())
    run, shared, frame = _WEIGHTS
    combined = {
        place: (run * score / top + shared * lexical.get(place, 0.0) + frame * traced.get(place, 0.0))
        / sum(_WEIGHTS)
        for place, score in scores.items()
    }
    order = sorted(combined, key=lambda place: (-combined[place], place))
    return tuple(Suspect(path, line, round(combined[path, line], 6)) for path, line in order)
