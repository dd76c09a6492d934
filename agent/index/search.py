"""Ranks the current tree for a task: BM25F over words, names and paths, then what the task names outright.

BM25F is Robertson, Zaragoza and Taylor 2004; scores are scaled so that the best is 1, and everything else
adds to that scale. Adding with low weights is deliberate: rank fusion did worse.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from moot.agent.core.types import RankedFile, Symbol
from moot.agent.index.corpus import FIELDS, Corpus
from moot.agent.index.mentions import Mentions, read_mentions
from moot.agent.index.paths import is_test, test_subject
from moot.agent.index.terms import split_identifier

__all__ = ["search"]

_WEIGHTS = (1.0, 2.5, 4.0)  # body, symbols, path; 700 commits of six repositories
_LENGTH_NORM = (0.75, 0.5, 0.4)
_K1 = 1.2

_FRAME = 0.6  # the innermost frame; each one further out gets less
_FRAME_DECAY = 0.8
_NAMED = 0.8  # the task writes the path, or a file name that only one file has
_NAMED_TEST = 0.4  # less, since the fault is rarely in the test
_TESTED = 0.7
_DEFINES = 0.35
_USES = 0.05
_IMPORTED = 0.05
_IMPORTERS = 5  # best files whose imports are followed
_TEST_PENALTY = 0.7
_PROSE_PENALTY = 0.7
_GENERATED_PENALTY = 0.5
_COMMON = 30  # definitions of one name, above which the name says nothing
_SYMBOLS = 6
_DETAILED = 100  # files whose best symbols are looked for
_PROSE = (".md", ".rst", ".txt", ".adoc")

Symbols = Callable[[str], list[Symbol]]


def search(corpus: Corpus, query: str, limit: int, symbols: Symbols) -> list[RankedFile]:
    """Return the best files for a task, best first; ties are broken by path.

    Args:
        corpus: the tree.
        query: the task, in words, with whatever traces and ids its author pasted.
        limit: files returned at most.
        symbols: returns a file's definitions; asked for the best files only.
    """
    mentions = read_mentions(query)
    board = _Board(np.zeros(len(corpus.entries)))
    _score_words(board, corpus, mentions)
    _score_frames(board, corpus, mentions)
    _score_paths(board, corpus, mentions)
    _score_tests(board, corpus, mentions)
    _score_identifiers(board, corpus, mentions)
    _score_imports(board, corpus)
    _penalise(board, corpus, mentions)
    found = [n for n in board.reasons.keys() | set(board.worded()) if corpus.readable[n]]
    ranked = sorted(found, key=lambda number: (-board.scores[number], number))[: max(0, limit)]
    return [
        _result(board, corpus, mentions, number, symbols if rank < _DETAILED else _no_symbols)
        for rank, number in enumerate(ranked)
    ]


def _no_symbols(_: str) -> list[Symbol]:
    return []


@dataclass(slots=True)
class _Board:
    """Scores and reasons by file; `terms` holds what each word gave, `lines` those that traces name."""

    scores: "npt.NDArray[np.float64]"
    reasons: dict[int, dict[str, None]] = field(default_factory=dict[int, dict[str, None]])
    terms: "dict[str, _Gains]" = field(default_factory=dict[str, "_Gains"])
    lines: dict[int, set[int]] = field(default_factory=dict[int, set[int]])

    def add(self, number: int, value: float, reason: str) -> None:
        self.scores[number] += value
        self.reasons.setdefault(number, {})[reason] = None

    def add_once(self, number: int, value: float, reason: str) -> None:
        if reason not in self.reasons.get(number, {}):
            self.add(number, value, reason)

    def worded(self) -> list[int]:
        """Return the files that have a word of the task."""
        return np.flatnonzero(self.scores).tolist()


@dataclass(frozen=True, slots=True)
class _Gains:
    """What a word gave to files: their numbers in order, and the gain of each."""

    numbers: "npt.NDArray[np.int64]"
    values: "npt.NDArray[np.float64]"

    def of(self, number: int) -> float:
        place = int(np.searchsorted(self.numbers, number))
        found = place < len(self.numbers) and self.numbers[place] == number
        return float(self.values[place]) if found else 0.0


def _score_words(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    norms = [
        weight / (1 - norm + norm * lengths / mean)
        for weight, norm, lengths, mean in zip(
            _WEIGHTS, _LENGTH_NORM, corpus.lengths, corpus.mean_lengths, strict=True
        )
    ]
    for term, times in mentions.terms.items():
        frequencies = corpus.frequencies(term)
        weighted = sum(
            (norms[field] * frequencies[field] for field in FIELDS), start=np.zeros(len(corpus.entries))
        )
        numbers = np.flatnonzero(weighted)
        if len(numbers):
            idf = math.log(1 + (len(corpus.entries) - len(numbers) + 0.5) / (len(numbers) + 0.5))
            found = weighted[numbers]
            values = idf * (1 + math.log(times)) * found / (_K1 + found)
            board.terms[term] = _Gains(numbers, values)
            board.scores[numbers] += values
    best = board.scores.max(initial=0.0)
    if best > 0:
        board.scores /= best


def _score_frames(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    value = _FRAME
    for frame in reversed(mentions.frames):
        found = corpus.paths.mentioned(frame.path)
        for number in found if len(found) <= 3 else ():
            board.lines.setdefault(number, set()).add(frame.line)
            where = f"line {frame.line}" + (f" in {frame.name}" if frame.name else "")
            board.add_once(number, value, f"the trace names {where}")
        value *= _FRAME_DECAY if found else 1.0


def _score_paths(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    for path in mentions.paths:
        for number, share in _shares(
            corpus.paths.mentioned(path) if "/" in path else corpus.paths.named(path)
        ):
            in_tests = is_test(corpus.paths.all[number]) and not mentions.about_tests
            board.add_once(number, (_NAMED_TEST if in_tests else _NAMED) * share, f"the task names {path}")
    for name in mentions.identifiers:
        if "." in name:
            for number, share in _shares(corpus.paths.named(name.replace(".", "/") + ".py")):
                board.add_once(number, _NAMED * share, f"the task names the module {name}")


def _score_tests(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    named = {
        n for path in (*mentions.paths, *(p for p, _ in mentions.tests)) for n in corpus.paths.mentioned(path)
    }
    for number in sorted(named):
        path = corpus.paths.all[number]
        subject = test_subject(path) if is_test(path) else None
        if subject is None:
            continue
        sources = _sources(corpus, corpus.paths.stem(subject))
        for source, share in _shares(sources or corpus.paths.stem(f"_{subject}")):
            board.add_once(source, _TESTED * share, f"its test is {path}, which the task names")
        for source, share in _shares(_sources(corpus, corpus.imported(number))):
            board.add_once(source, _TESTED / 2 * share, f"imported by {path}, which the task names")


def _sources(corpus: Corpus, numbers: Iterable[int]) -> list[int]:
    return [number for number in numbers if not is_test(corpus.paths.all[number])]


def _score_identifiers(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    for name in mentions.identifiers:
        defining = corpus.defining_numbers(name)
        for number, share in _shares(defining):
            if mentions.about_tests or not is_test(corpus.paths.all[number]):
                board.add_once(number, _DEFINES * share, f"defines {name}")
        for number, share in _shares(n for n in corpus.referring_numbers(name) if n not in defining):
            board.add_once(number, _USES * share, f"uses {name}")


def _score_imports(board: _Board, corpus: Corpus) -> None:
    order: list[int] = np.argsort(-board.scores, kind="stable")[: _IMPORTERS * 20].tolist()
    best = [n for n in order if board.scores[n] > 0 and not is_test(corpus.paths.all[n])][:_IMPORTERS]
    for number in best:
        for other in dict.fromkeys(corpus.imported(number)):
            board.add_once(other, _IMPORTED, f"imported by {corpus.paths.all[number]}")


def _penalise(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    for number in np.flatnonzero(board.scores).tolist():
        path = corpus.paths.all[number]
        for applies, factor, reason in (
            (not mentions.about_tests and is_test(path), _TEST_PENALTY, "ranked down: a test"),
            (corpus.generated(number), _GENERATED_PENALTY, "ranked down: generated or vendored"),
            (path.lower().endswith(_PROSE), _PROSE_PENALTY, "ranked down: prose"),
        ):
            if applies:
                board.scores[number] *= factor
                board.reasons.setdefault(number, {})[reason] = None


def _shares(numbers: Iterable[int]) -> list[tuple[int, float]]:
    """Share one mention among the files that it may mean; too many, and it means none."""
    found = list(dict.fromkeys(numbers))
    return [(n, 1 / math.sqrt(len(found))) for n in found] if len(found) <= _COMMON else []


def _result(board: _Board, corpus: Corpus, mentions: Mentions, number: int, symbols: Symbols) -> RankedFile:
    entry = corpus.entries[number]
    gave = {term: gain for term, gains in board.terms.items() if (gain := gains.of(number))}
    top = sorted(gave, key=lambda term: (-gave[term], term))[:5]
    reasons = (*board.reasons.get(number, ()), *((f"words: {', '.join(top)}",) if top else ()))
    best = _best_symbols(symbols(entry.path), gave, mentions, board.lines.get(number, set()))
    return RankedFile(entry.path, entry.blob, round(float(board.scores[number]), 6), reasons, best)


def _best_symbols(
    symbols: list[Symbol], gave: Mapping[str, float], mentions: Mentions, lines: set[int]
) -> tuple[str, ...]:
    """Return the qualified names of the symbols that the task is most likely about, best first."""
    named = {*mentions.identifiers, *(name for _, names in mentions.tests for name in names.split("."))}
    scored: list[tuple[float, int, str]] = []
    for symbol in symbols:
        score = sum(gave.get(part, 0.0) for part in set(split_identifier(symbol.name)))
        score += 10.0 * (symbol.name in named or symbol.qualified_name in named)
        if any(symbol.start_line <= line <= symbol.end_line for line in lines):
            score += 20.0 + 10.0 / (1 + symbol.end_line - symbol.start_line)  # the innermost is the best
        if score > 0:
            scored.append((-score, symbol.start_byte, symbol.qualified_name))
    return tuple(dict.fromkeys(name for _, _, name in sorted(scored)))[:_SYMBOLS]
