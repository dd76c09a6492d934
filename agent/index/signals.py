"""What speaks for each file of a tree, signal by signal; `search` adds them up with learned weights.

A signal is an array with a value for each file, 0 where it says nothing. BM25F is Robertson, Zaragoza and
Taylor 2004.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from moot.agent.core.testfiles import is_test
from moot.agent.index.corpus import FIELDS, Corpus
from moot.agent.index.history import Past, scaled
from moot.agent.index.languages import TEXT, language_of
from moot.agent.index.mentions import Mentions

__all__ = ["Board", "Floats", "Gains", "first_signals", "following_signals"]

Floats = npt.NDArray[np.float64]

_WEIGHTS = (1.0, 2.5, 4.0)  # body, symbols, path; 700 commits of six repositories
_LENGTH_NORM = (0.75, 0.5, 0.4)
_K1 = 1.2
_OTHER_FORM = 0.5  # what another form of a word counts

_FRAME_DECAY = 0.8  # the innermost frame counts most
_FRAME_FILES = 3  # that a frame's path may mean
_IN_TESTS = 0.5  # the fault is rarely in the test that the task names
_COMMON = 30  # files that one mention may mean, above which it means none
_LEADING = 5  # best files whose imports and companions are followed
_NEIGHBOURS = 3
_OFTEN_SAID = 0.5  # from which on a habit is given as a reason
_ASIDE = re.compile(
    r"(?:^|/)(?:_?examples?|samples?|demos?|playgrounds?|bench(?:es|mark|marks)?|docs?|website|scripts)/",
    re.I,
)
_PROSE = (".md", ".rst", ".txt", ".adoc")


@dataclass(frozen=True, slots=True)
class Gains:
    """What a word gave to files: their numbers in order, and the gain of each."""

    numbers: "npt.NDArray[np.int64]"
    values: Floats

    def of(self, number: int) -> float:
        """Return what it gave to a file."""
        place = int(np.searchsorted(self.numbers, number))
        found = place < len(self.numbers) and self.numbers[place] == number
        return float(self.values[place]) if found else 0.0


@dataclass(slots=True)
class Board:
    """Signals and reasons by file.

    Attributes:
        terms: each word of the task with its other forms in the tree.
        gains: what each of them gave.
        idf: how rare each of them is.
        lines: those that traces name.
    """

    corpus: Corpus
    mentions: Mentions
    past: Past | None = None
    signals: dict[str, Floats] = field(default_factory=dict[str, Floats])
    reasons: dict[int, dict[str, None]] = field(default_factory=dict[int, dict[str, None]])
    terms: dict[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    gains: dict[str, Gains] = field(default_factory=dict[str, Gains])
    idf: dict[str, float] = field(default_factory=dict[str, float])
    lines: dict[int, set[int]] = field(default_factory=dict[int, set[int]])

    def signal(self, name: str) -> Floats:
        """Return a signal's array; a new one says nothing."""
        return self.signals.setdefault(name, np.zeros(len(self.corpus.entries)))

    def add(self, name: str, number: int, value: float, reason: str) -> None:
        """Add to a file's signal, once for each reason."""
        if reason not in self.reasons.get(number, {}):
            self.signal(name)[number] += value
            self.reasons.setdefault(number, {})[reason] = None

    def score(self, weights: Mapping[str, float]) -> Floats:
        """Return the weighted sum of the signals."""
        start = np.zeros(len(self.corpus.entries))
        return sum((weights[name] * values for name, values in self.signals.items()), start=start)

    def evident(self) -> list[int]:
        """Return the files for which the task itself says something."""
        return sorted({*self.reasons, *np.flatnonzero(self.signal("words")).tolist()})

    def path(self, number: int) -> str:
        """Return a file's path."""
        return self.corpus.paths.all[number]

    def is_source(self, number: int) -> bool:
        """Tell whether a file is no test."""
        return not is_test(self.path(number))


def first_signals(board: Board) -> None:
    """Fill in what depends on the task and the tree alone."""
    _words(board)
    _frames(board)
    _paths(board)
    _tests(board)
    _identifiers(board)
    _compounds(board)
    if board.past is not None:
        _habits(board, board.past)
    _kinds(board, board.evident())


def following_signals(board: Board, scores: Floats) -> None:
    """Fill in what follows from the files that are best so far: their imports and companions."""
    before = board.evident()
    evident = [n for n in before if board.corpus.readable[n] and board.is_source(n)]
    leading = sorted(evident, key=lambda number: (-scores[number], number))[:_LEADING]
    companions = np.zeros(len(scores))
    for rank, number in enumerate(leading, 1):
        for other in dict.fromkeys(board.corpus.imported(number)):
            if board.signal("imported")[other] == 0:
                board.add("imported", other, 1 / rank, f"imported by {board.path(number)}")
        if board.past is not None:
            together = board.past.together(number)
            companions += together / rank
            for other in np.flatnonzero(together >= 1 / _LEADING).tolist():
                board.reasons.setdefault(other, {})[f"often changed with {board.path(number)}"] = None
    board.signals["together"] = scaled(companions)
    _neighbours(board)
    _kinds(board, sorted(set(board.evident()) - set(before)))


def _words(board: Board) -> None:
    corpus = board.corpus
    files = len(corpus.entries)
    norms = [
        weight / (1 - norm + norm * lengths / mean)
        for weight, norm, lengths, mean in zip(
            _WEIGHTS, _LENGTH_NORM, corpus.lengths, corpus.mean_lengths, strict=True
        )
    ]
    total = board.signal("words")
    for term, times in board.mentions.terms.items():
        board.terms[term] = corpus.forms(term)
        weighted = np.zeros(files)
        for form, share in [(term, 1.0), *((form, _OTHER_FORM) for form in board.terms[term])]:
            frequencies = corpus.frequencies(form)
            for each in FIELDS:
                weighted += share * norms[each] * frequencies[each]
        numbers = np.flatnonzero(weighted)
        if len(numbers):
            idf = board.idf[term] = math.log(1 + (files - len(numbers) + 0.5) / (len(numbers) + 0.5))
            found = weighted[numbers]
            values = idf * (1 + math.log(times)) * found / (_K1 + found)
            board.gains[term] = Gains(numbers, values)
            total[numbers] += values
    board.signals["words"] = scaled(total)


def _frames(board: Board) -> None:
    value = 1.0
    for frame in board.mentions.frames:
        found = board.corpus.paths.mentioned(frame.path)
        for number in found if len(found) <= _FRAME_FILES else ():
            board.lines.setdefault(number, set()).add(frame.line)
            where = f"line {frame.line}" + (f" in {frame.name}" if frame.name else "")
            share = 1.0 if board.is_source(number) else _IN_TESTS
            board.add("frame", number, value * share, f"the trace names {where}")
        value *= _FRAME_DECAY if found else 1.0


def _paths(board: Board) -> None:
    paths = board.corpus.paths
    for path in board.mentions.paths:
        for number, share in _shares(paths.mentioned(path) if "/" in path else paths.named(path)):
            asked = board.is_source(number) or board.mentions.about_tests
            board.add("named", number, share if asked else _IN_TESTS * share, f"the task names {path}")
    for name in board.mentions.identifiers:
        if "." in name:
            for number, share in _shares(paths.named(name.replace(".", "/") + ".py")):
                board.add("named", number, share, f"the task names the module {name}")


def _tests(board: Board) -> None:
    corpus, mentions = board.corpus, board.mentions
    texts = (*mentions.paths, *(path for path, _ in mentions.tests if path))
    named = {n for path in texts for n in corpus.paths.mentioned(path)}
    named |= {n for path, name in mentions.tests if not path for n in _defining_tests(corpus, name)}
    for number in sorted(named):
        path = board.path(number)
        if not is_test(path):
            continue
        for source, share in _shares(corpus.paths.subjects(path)):
            board.add("tested", source, share, f"its test is {path}, which the task names")
        for source, share in _shares(n for n in corpus.imported(number) if board.is_source(n)):
            board.add("tested", source, share / 2, f"imported by {path}, which the task names")


def _defining_tests(corpus: Corpus, name: str) -> list[int]:
    """Return the files of tests that define the last part of a test's name."""
    found = corpus.defining_numbers(name.rpartition(".")[2])
    return [n for n in found if is_test(corpus.paths.all[n])] if len(found) <= _COMMON else []


def _identifiers(board: Board) -> None:
    corpus = board.corpus
    for name in board.mentions.identifiers:
        defining = _defining(corpus, name)
        for number, share in _shares(defining):
            if board.mentions.about_tests or board.is_source(number):
                board.add("defines", number, share, f"defines {name}")
        for number, share in _shares(n for n in corpus.referring_numbers(name) if n not in defining):
            board.add("uses", number, share, f"uses {name}")


def _defining(corpus: Corpus, name: str) -> list[int]:
    """Return the files that define each part of a name.

    Where none does, those that define its last part and hold the others as words: a method's file need not
    be its type's.
    """
    *owners, last = name.split(".")
    defining = set(corpus.defining_numbers(last))
    for numbers in (corpus.defining_numbers, corpus.referring_numbers):
        if found := defining.intersection(*map(numbers, owners)):
            return sorted(found)
    return []


def _compounds(board: Board) -> None:
    """Words of the task that follow each other and stand in one name: `progress bar`, `ProgressBar`."""
    corpus, total = board.corpus, board.signal("compound")
    for first, second in board.mentions.pairs:
        forms = [(term, *board.terms.get(term, ())) for term in (first, second)]
        using, defining = corpus.joined(*forms)
        if len(using):
            idf = math.log(1 + (len(total) - len(using) + 0.5) / (len(using) + 0.5))
            total[using] += idf
            total[defining] += idf
    board.signals["compound"] = scaled(total)


def _scopes(scope: str) -> set[str]:
    return (
        {scope, scope.replace("-", "_"), scope.replace("/", "-"), *re.split(r"[/-]", scope)}
        if scope
        else set()
    )


def _kinds(board: Board, numbers: Iterable[int]) -> None:
    """What speaks against files whatever the task, and for those below what it names as its subject."""
    scopes, scope = _scopes(board.mentions.scope), board.mentions.scope
    for number in numbers:
        path = board.path(number)
        prose = path.lower().endswith(_PROSE)
        for applies, name, what in (
            (not board.mentions.about_tests and is_test(path), "test", "a test"),
            (board.corpus.generated(number), "generated", "generated or vendored"),
            (prose, "prose", "prose"),
            (not prose and language_of(path) == TEXT, "data", "no code"),
            (_ASIDE.search(path) is not None, "aside", "an example or a benchmark"),
        ):
            if applies:
                board.add(name, number, 1.0, f"ranked down: {what}")
        if scopes and not scopes.isdisjoint(re.split(r"[/.]", path.lower())):
            board.add("scope", number, 1.0, f"the task's subject is {scope}")


def _habits(board: Board, past: Past) -> None:
    board.signals["often"], board.signals["last"] = past.touches()
    alike, alike_all = past.similar(past.likeness(board.terms))
    board.signals["alike"], board.signals["alike_all"] = alike, alike_all
    for number in np.flatnonzero(alike >= _OFTEN_SAID).tolist():
        board.reasons.setdefault(number, {})["a commit with a like message changed it"] = None


def _neighbours(board: Board) -> None:
    """Files in a folder whose other files have the task's words."""
    words, beside = board.signal("words"), board.signal("beside")
    folders: dict[str, list[int]] = {}
    for number in np.flatnonzero(words).tolist():
        folders.setdefault(board.path(number).rpartition("/")[0], []).append(number)
    for numbers in folders.values():
        best = sorted(map(float, words[numbers]), reverse=True)[: _NEIGHBOURS + 1]
        for number in numbers:
            others = list(best)
            if words[number] >= best[-1]:
                others.remove(float(words[number]))
            beside[number] = sum(others[:_NEIGHBOURS]) / max(1, len(others[:_NEIGHBOURS]))


def _shares(numbers: Iterable[int]) -> list[tuple[int, float]]:
    """Share one mention among the files that it may mean; too many, and it means none."""
    found = list(dict.fromkeys(numbers))
    return [(n, 1 / math.sqrt(len(found))) for n in found] if len(found) <= _COMMON else []
