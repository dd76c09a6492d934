"""Ranks the current tree for a task: BM25F over words, names and paths, then what the task names outright.

BM25F is Robertson, Zaragoza and Taylor 2004; scores are scaled so that the best is 1, and everything else
adds to that scale. Adding with low weights is deliberate: rank fusion did worse.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from moot.agent.core.types import RankedFile, Symbol
from moot.agent.index.corpus import FIELDS, Corpus, test_subject
from moot.agent.index.mentions import Mentions, read_mentions
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
_PROSE = (".md", ".rst", ".txt", ".adoc")

Symbols = Callable[[str], list[Symbol]]


def search(corpus: Corpus, query: str, limit: int, symbols: Symbols) -> list[RankedFile]:
    """Return the best files for a task, best first; ties are broken by path.

    Args:
        corpus: the tree.
        query: the task, in words, with whatever traces and ids its author pasted.
        limit: files returned at most.
        symbols: returns a file's definitions; called for returned files only.
    """
    mentions = read_mentions(query)
    board = _Board()
    _score_words(board, corpus, mentions)
    _score_frames(board, corpus, mentions)
    _score_paths(board, corpus, mentions)
    _score_tests(board, corpus, mentions)
    _score_identifiers(board, corpus, mentions)
    _score_imports(board, corpus)
    _penalise(board, corpus, mentions)
    readable = (number for number in board.scores if corpus.documents[number].readable)
    ranked = sorted(readable, key=lambda number: (-board.scores[number], number))[: max(0, limit)]
    return [_result(board, corpus, mentions, number, symbols) for number in ranked]


@dataclass(slots=True)
class _Board:
    """Scores and reasons by document; `terms` holds what each word gave, `lines` those that traces name."""

    scores: dict[int, float] = field(default_factory=dict[int, float])
    reasons: dict[int, dict[str, None]] = field(default_factory=dict[int, dict[str, None]])
    terms: dict[str, dict[int, float]] = field(default_factory=dict[str, dict[int, float]])
    lines: dict[int, set[int]] = field(default_factory=dict[int, set[int]])

    def add(self, number: int, value: float, reason: str) -> None:
        self.scores[number] = self.scores.get(number, 0.0) + value
        self.reasons.setdefault(number, {})[reason] = None

    def add_once(self, number: int, value: float, reason: str) -> None:
        if reason not in self.reasons.get(number, {}):
            self.add(number, value, reason)


def _score_words(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    for term, times in mentions.terms.items():
        weighted = _weigh(corpus, term)
        if not weighted:
            continue
        idf = math.log(1 + (len(corpus.documents) - len(weighted) + 0.5) / (len(weighted) + 0.5))
        gain = idf * (1 + math.log(times))
        board.terms[term] = given = {n: gain * w / (_K1 + w) for n, w in weighted.items()}
        for number, value in given.items():
            board.scores[number] = board.scores.get(number, 0.0) + value
    best = max(board.scores.values(), default=0.0)
    if best > 0:
        board.scores = {number: score / best for number, score in board.scores.items()}


def _weigh(corpus: Corpus, term: str) -> dict[int, float]:
    """Return each document's weighted and length-normalised frequency of a term."""
    weighted: dict[int, float] = {}
    for column in FIELDS:
        posting = corpus.postings[column].get(term)
        if posting is None:
            continue
        weight, norm, mean = _WEIGHTS[column], _LENGTH_NORM[column], corpus.mean_length[column]
        for number, times in zip(posting[::2], posting[1::2], strict=True):
            length = corpus.documents[number].length[column]
            value = weight * times / (1 - norm + norm * length / mean)
            weighted[number] = weighted.get(number, 0.0) + value
    return weighted


def _score_frames(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    value = _FRAME
    for frame in reversed(mentions.frames):
        found = corpus.mentioned(frame.path)
        for number in found if len(found) <= 3 else ():
            board.lines.setdefault(number, set()).add(frame.line)
            where = f"line {frame.line}" + (f" in {frame.name}" if frame.name else "")
            board.add_once(number, value, f"the trace names {where}")
        value *= _FRAME_DECAY if found else 1.0


def _score_paths(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    for path in mentions.paths:
        for number, share in _shares(corpus.mentioned(path) if "/" in path else corpus.named(path)):
            is_test = corpus.documents[number].is_test and not mentions.about_tests
            board.add_once(number, (_NAMED_TEST if is_test else _NAMED) * share, f"the task names {path}")
    for name in mentions.identifiers:
        if "." in name:
            for number, share in _shares(corpus.named(name.replace(".", "/") + ".py")):
                board.add_once(number, _NAMED * share, f"the task names the module {name}")


def _score_tests(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    named = {n for path in (*mentions.paths, *(p for p, _ in mentions.tests)) for n in corpus.mentioned(path)}
    for number in sorted(named):
        path = corpus.documents[number].path
        subject = test_subject(path) if corpus.documents[number].is_test else None
        if subject is None:
            continue
        sources = [n for n in corpus.stem(subject) if not corpus.documents[n].is_test]
        for source, share in _shares(sources or corpus.stem(f"_{subject}")):
            board.add_once(source, _TESTED * share, f"its test is {path}, which the task names")
        for source, share in _shares([n for n in corpus.imported(number) if not corpus.documents[n].is_test]):
            board.add_once(source, _TESTED / 2 * share, f"imported by {path}, which the task names")


def _score_identifiers(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    for name in mentions.identifiers:
        for number, share in _shares(corpus.defining_numbers(name)):
            if mentions.about_tests or not corpus.documents[number].is_test:
                board.add_once(number, _DEFINES * share, f"defines {name}")
        posting = corpus.references.get(name)
        if posting is not None:
            for number, share in _shares(posting[::2]):
                board.add_once(number, _USES * share, f"uses {name}")


def _score_imports(board: _Board, corpus: Corpus) -> None:
    sources = (number for number in board.scores if not corpus.documents[number].is_test)
    best = sorted(sources, key=lambda number: (-board.scores[number], number))[:_IMPORTERS]
    for number in best:
        for other in dict.fromkeys(corpus.imported(number)):
            board.add_once(other, _IMPORTED, f"imported by {corpus.documents[number].path}")


def _penalise(board: _Board, corpus: Corpus, mentions: Mentions) -> None:
    for number in board.scores:
        document = corpus.documents[number]
        for applies, factor, reason in (
            (document.is_test and not mentions.about_tests, _TEST_PENALTY, "ranked down: a test"),
            (document.generated, _GENERATED_PENALTY, "ranked down: generated or vendored"),
            (document.path.lower().endswith(_PROSE), _PROSE_PENALTY, "ranked down: prose"),
        ):
            if applies:
                board.scores[number] *= factor
                board.reasons.setdefault(number, {})[reason] = None


def _shares(numbers: Iterable[int]) -> list[tuple[int, float]]:
    """Share one mention among the files that it may mean; too many, and it means none."""
    found = list(dict.fromkeys(numbers))
    return [(n, 1 / math.sqrt(len(found))) for n in found] if len(found) <= _COMMON else []


def _result(board: _Board, corpus: Corpus, mentions: Mentions, number: int, symbols: Symbols) -> RankedFile:
    document = corpus.documents[number]
    gave = {term: given[number] for term, given in board.terms.items() if number in given}
    top = sorted(gave, key=lambda term: (-gave[term], term))[:5]
    reasons = (*board.reasons.get(number, ()), *((f"words: {', '.join(top)}",) if top else ()))
    best = _best_symbols(symbols(document.path), gave, mentions, board.lines.get(number, set()))
    return RankedFile(document.path, document.blob, round(board.scores[number], 6), reasons, best)


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
