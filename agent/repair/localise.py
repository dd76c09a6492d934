"""Fault localisation: which lines of the workspace the failing tests point at, most suspicious first."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from anyio import to_thread

from moot.agent.core.ports import Tracer
from moot.agent.core.spectrum import Spectrum, TraceRequest
from moot.agent.core.testfiles import is_test
from moot.agent.repair.clues import WEIGHTS, Clue, Evidence, combine
from moot.agent.repair.frames import identifiers, own_name, places, shared_words, words
from moot.agent.repair.source import Source
from moot.agent.repair.spectrum import ochiai

__all__ = ["Failure", "Localisation", "Suspect", "localise"]

Place = tuple[str, int]
Ages = Callable[[str], Mapping[int, int]]

_MAX_SUSPECTS = 400
_MAX_FILES = 80  # that are read, those of the most suspicious lines first
_MAX_FILE = 1_000_000  # bytes
_DATED_FILES = 5  # whose lines' ages are asked for
_DAY = 86_400
_CALLED = 0.9
"""What a line of a function that a failing assertion names has at least, of what words can give."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is to be explained, and what is known that may help.

    Attributes:
        files: paths under version control; only these, and no tests among them, are suspected.
        task: the task's own words, which often name what is wrong.
        retrieved: files with their relevance to the failure, of any positive scale.
        ages: returns when each line of a file was committed, in seconds since 1970.
        weights: of each kind of clue.
    """

    request: TraceRequest
    files: Sequence[str]
    task: str = ""
    retrieved: Mapping[str, float] = field(default_factory=dict[str, float])
    ages: Ages | None = None
    weights: Mapping[Clue, float] = field(default_factory=lambda: WEIGHTS)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A line (1-based) and how suspicious it is, in [0, 1].

    Attributes:
        failed, passed: tests that execute it, where that was measured.
        traced: place among the stack frames, the innermost 1; 0 for none.
        named: words that it, or its function's name, shares with the task and the failing tests.
        days: since it was last changed; None when not known.
    """

    path: str
    line: int
    score: float
    failed: int = 0
    passed: int = 0
    traced: int = 0
    named: tuple[str, ...] = ()
    days: int | None = None


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


async def localise(tracer: Tracer, failure: Failure) -> Localisation:
    """Rank the lines that failing tests execute; without coverage those that they name.

    Raises:
        SandboxUnavailable: the sandbox could not be set up.
    """
    spectrum = await tracer.trace(failure.request)
    return await to_thread.run_sync(_rank, spectrum, failure)


def _rank(spectrum: Spectrum, failure: Failure) -> Localisation:
    case = _Case(failure)
    executed = case.executed(spectrum)
    scores = executed or case.around()
    if executed:
        note = f"lines that the failing tests execute, by {spectrum.tool}"
        note += f"; {spectrum.reason}" if spectrum.reason else ""
    else:
        why = spectrum.reason or "the failing tests execute nothing but tests"
        found = "functions that stack traces and failing tests name"
        note = f"no line coverage ({why}): {found if scores else 'no stack trace or failing test names any'}"
    if not scores:
        return Localisation((), note)
    return Localisation(case.suspects(scores, spectrum), note, bool(executed), _tests_of(spectrum))


def _tests_of(spectrum: Spectrum) -> tuple[tuple[str, tuple[str, ...]], ...]:
    tests: dict[str, set[str]] = {}
    for (path, _), names in spectrum.lines.items():
        tests.setdefault(path, set()).update(names)
    return tuple((path, tuple(sorted(names))) for path, names in sorted(tests.items()))


class _Case:
    """A failure with the sources that it leads to."""

    def __init__(self, failure: Failure) -> None:
        self._failure = failure
        self._files = [path for path in failure.files if not is_test(path)]
        self._sources: dict[str, Source | None] = {}
        messages = "\n".join(case.message for case in failure.request.failing)
        frames = [place for place in places(messages, failure.files) if self._suspected(place)]
        self._frames = list(dict.fromkeys([*frames, *places(failure.task, self._files)]))
        asserted = " ".join(
            self._text(place) for place in places(messages, failure.files) if place not in frames
        )
        self._asserted = identifiers(asserted)
        names = " ".join(own_name(case.id) for case in failure.request.failing)
        self._query = words(failure.task) | words(names) | words(asserted)

    def executed(self, spectrum: Spectrum) -> dict[Place, float]:
        """Score the lines of code that failing tests execute, by Ochiai's coefficient; the highest is 1."""
        wanted = frozenset(self._files)
        found = ochiai(spectrum, [case.id for case in self._failure.request.failing])
        scores = {place: score for place, score in found.items() if place[0] in wanted}
        best: dict[str, float] = {}
        for (path, _), score in scores.items():
            best[path] = max(score, best.get(path, 0.0))
        read = set(sorted(best, key=lambda path: -best[path])[:_MAX_FILES])
        scores = {
            place: score for place, score in scores.items() if place[0] in read and self._suspected(place)
        }
        top = max(scores.values(), default=1.0)
        return {place: score / top for place, score in scores.items()}

    def around(self) -> dict[Place, float]:
        """Score the statements of functions that frames and assertions name, less with the distance."""
        scores: dict[Place, float] = {}
        for rank, (path, line) in enumerate(self._frames):
            for near in {line, *self._body(path, line)}:
                score = 1 / (1 + rank) / (1 + abs(near - line) / 10)
                scores[path, near] = max(score, scores.get((path, near), 0.0))
        relevant = sorted(self._failure.retrieved, key=lambda path: -self._failure.retrieved[path])
        likely = set(self._files)
        for path in [path for path in relevant if path in likely][:_MAX_FILES]:
            source = self._source(path)
            for name, node in source.functions() if source else ():
                if name in self._asserted:
                    for near in self._body(path, node.start_point.row + 1):
                        scores[path, near] = max(0.5, scores.get((path, near), 0.0))
        return scores

    def suspects(self, scores: Mapping[Place, float], spectrum: Spectrum) -> tuple[Suspect, ...]:
        """Combine the scores with what else speaks for each line."""
        evidence = self._evidence(scores)
        ages = self._ages(combine(evidence, self._failure.weights))
        evidence = {place: each.changed(ages.get(place)) for place, each in evidence.items()}
        combined = combine(evidence, self._failure.weights)
        order = sorted(combined, key=lambda place: (-combined[place], place))[:_MAX_SUSPECTS]
        failing = spectrum.failed & {case.id for case in self._failure.request.failing}
        return tuple(
            Suspect(
                *place,
                round(combined[place], 6),
                len(spectrum.lines.get(place, frozenset()) & failing),
                len(spectrum.lines.get(place, frozenset()) & spectrum.passed),
                self._frames.index(place) + 1 if place in self._frames else 0,
                tuple(sorted(self._query & words(" ".join(self._texts(place))))),
                ages.get(place),
            )
            for place in order
        )

    def _evidence(self, scores: Mapping[Place, float]) -> dict[Place, Evidence]:
        texts = {place: self._texts(place) for place in scores}
        shared = shared_words(self._query, {place: text for place, text in texts.items() if text[0]})
        traced = {place: 1 / rank for rank, place in enumerate(self._frames, start=1)}
        files = self._failure.retrieved
        top = max((files.get(path, 0.0) for path, _ in scores), default=0.0)
        return {
            place: Evidence(
                {
                    Clue.EXECUTED: score,
                    Clue.NAMED: max(shared.get(place, 0.0), _CALLED * (texts[place][1] in self._asserted)),
                    Clue.TRACED: traced.get(place, 0.0),
                    Clue.RETRIEVED: files.get(place[0], 0.0) / top if top > 0 else 0.0,
                }
            )
            for place, score in scores.items()
        }

    def _ages(self, scores: Mapping[Place, float]) -> dict[Place, int]:
        """Return the days since the lines of the most suspicious files were changed."""
        if self._failure.ages is None:
            return {}
        order = sorted(scores, key=lambda place: -scores[place])
        now = time.time()
        return {
            (path, line): max(0, int(now - seconds) // _DAY)
            for path in list(dict.fromkeys(path for path, _ in order))[:_DATED_FILES]
            for line, seconds in self._failure.ages(path).items()
        }

    def _suspected(self, place: Place) -> bool:
        """Tell whether there is code at a place, and none of a test."""
        path, line = place
        if is_test(path):
            return False
        source = self._source(path)
        return source is None or (source.has_code(line) and not source.in_test(line))

    def _body(self, path: str, line: int) -> list[int]:
        source = self._source(path)
        function = source.function_at_line(line) if source else None
        if source is None or function is None:
            return []
        return [node.start_point.row + 1 for node in source.statements(function) if node != function]

    def _text(self, place: Place) -> str:
        source = self._source(place[0])
        return source.line(place[1]) if source else ""

    def _texts(self, place: Place) -> tuple[str, str]:
        """Return the text of a line and the name of the function around it."""
        source = self._source(place[0])
        return (source.line(place[1]).strip(), source.function_name(place[1])) if source else ("", "")

    def _source(self, path: str) -> Source | None:
        """Read a file of the workspace once; None for one too large, or to which a link leads out of it."""
        if path not in self._sources:
            self._sources[path] = None
            workspace = self._failure.request.workspace
            file = workspace / path
            with suppress(OSError):
                if _inside(file, workspace) and file.stat().st_size <= _MAX_FILE:
                    self._sources[path] = Source.parse(path, file.read_bytes())
        return self._sources[path]


def _inside(file: Path, workspace: Path) -> bool:
    return file.resolve().is_relative_to(workspace.resolve()) and file.is_file()
