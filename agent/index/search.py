"""Ranks the current tree for a task: signals, added up with learned weights, and the reasons in words.

Adding with learned weights is deliberate: rank fusion did worse.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from moot.agent.core.types import RankedFile, TreeEntry
from moot.agent.index.corpus import Corpus
from moot.agent.index.definitions import Matcher
from moot.agent.index.extract import MAX_BYTES
from moot.agent.index.facts import Outlined
from moot.agent.index.history import Past, scaled
from moot.agent.index.mentions import read_mentions
from moot.agent.index.signals import Board, first_signals, following_signals
from moot.agent.index.terms import split_identifier
from moot.agent.index.texts import Text
from moot.agent.index.weights import WEIGHTS

__all__ = ["Sources", "evidence", "search"]

_READ = 40  # best files whose definitions are ranked by their text
_DETAILED = 100  # best files whose definitions are ranked at all
_SYMBOLS = 6
_TOP_WORDS = 5
_NAMED = 10.0  # above what the words of a definition sum up to, mostly


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the best files' definitions and texts come from.

    Attributes:
        outline: returns a file's definitions.
        texts: returns files' words and definitions by path; one that is not to be had is left out.
    """

    outline: Callable[[TreeEntry], Sequence[Outlined]]
    texts: Callable[[Sequence[TreeEntry]], Mapping[str, Text]]


def search(corpus: Corpus, query: str, limit: int, sources: Sources, past: Past | None) -> list[RankedFile]:
    """Return the best files for a task, best first; ties are broken by path.

    What cannot be read (links, huge files) is among them only when the task names its path, and a
    submodule never.

    Args:
        corpus: the tree.
        query: the task, in words, with whatever traces and ids its author pasted.
        limit: files returned at most.
        sources: of the best files' definitions.
        past: the history of the tree, where it is known.
    """
    board, definitions = evidence(corpus, query, sources, past)
    scores = board.score(WEIGHTS)
    named = board.signal("named")
    # A submodule's id is that of a commit: nobody can read it as a blob.
    found = [n for n in board.evident() if corpus.readable[n] or (named[n] and _is_blob(corpus.entries[n]))]
    ranked = sorted(found, key=lambda number: (-scores[number], number))[: max(0, limit)]
    return [
        _result(board, number, float(scores[number]), definitions(number) if rank < _DETAILED else ())
        for rank, number in enumerate(ranked)
    ]


def _is_blob(entry: TreeEntry) -> bool:
    return entry.mode != "160000"


def _why_unreadable(entry: TreeEntry) -> str:
    if entry.mode == "120000":
        return "a symbolic link"
    return "larger than 1 MB" if entry.size > MAX_BYTES else ""


Definitions = Callable[[int], "Sequence[tuple[Outlined, float]]"]


def evidence(corpus: Corpus, query: str, sources: Sources, past: Past | None) -> "tuple[Board, Definitions]":
    """Return all signals of a task, and what ranks a file's definitions; see `search`."""
    board = Board(corpus, read_mentions(query), past)
    first_signals(board)
    first = board.score(WEIGHTS)
    following_signals(board, first)
    evident = [number for number in board.evident() if corpus.readable[number]]
    best = sorted(evident, key=lambda number: (-first[number], number))[:_READ]
    matched = _match(board, best, sources)
    top = np.zeros(len(first))
    for number, pairs in matched.items():
        top[number] = max((score for _, score in pairs), default=0.0)
    board.signals["definition"] = scaled(top)

    def definitions(number: int) -> "Sequence[tuple[Outlined, float]]":
        if number not in matched:
            outline = sources.outline(board.corpus.entries[number])
            matched[number] = [(each, sum(_gains(board, number, each.name))) for each in outline]
        return matched[number]

    return board, definitions


def _match(
    board: Board, numbers: Sequence[int], sources: Sources
) -> "dict[int, Sequence[tuple[Outlined, float]]]":
    """Score the definitions of files by their text; files that cannot be read are left out."""
    matcher = Matcher(board.idf, board.terms)
    texts = sources.texts([board.corpus.entries[number] for number in numbers])
    return {
        board.corpus.paths.numbers[path]: list(zip(text.outline, matcher.scores(text), strict=True))
        for path, text in texts.items()
    }


def _gains(board: Board, number: int, name: str) -> Iterable[float]:
    forms = {form: term for term, others in board.terms.items() for form in (*others, term)}
    found = {forms[part] for part in split_identifier(name) if part in forms}
    return (board.gains[term].of(number) for term in found if term in board.gains)


def _result(
    board: Board, number: int, score: float, definitions: "Sequence[tuple[Outlined, float]]"
) -> RankedFile:
    entry = board.corpus.entries[number]
    gave = {term: gain for term, gains in board.gains.items() if (gain := gains.of(number))}
    top = sorted(gave, key=lambda term: (-gave[term], term))[:_TOP_WORDS]
    reasons = (*board.reasons.get(number, ()), *((f"words: {', '.join(top)}",) if top else ()))
    best, unreadable = _best(board, number, definitions), _why_unreadable(entry)
    return RankedFile(entry.path, entry.blob, round(score, 6), reasons, best, unreadable)


def _best(board: Board, number: int, definitions: "Sequence[tuple[Outlined, float]]") -> tuple[str, ...]:
    """Return the qualified names of the symbols that the task is most likely about, best first."""
    mentions, lines = board.mentions, board.lines.get(number, set())
    named = {*mentions.identifiers, *(name for _, names in mentions.tests for name in names.split("."))}
    scored: list[tuple[float, int, str]] = []
    for symbol, text in definitions:
        score = text + _NAMED * (symbol.name in named)
        score += _NAMED * (symbol.qualified_name != symbol.name and symbol.qualified_name in named)
        if any(symbol.start_line <= line <= symbol.end_line for line in lines):
            score += 2 * _NAMED + _NAMED / (
                1 + symbol.end_line - symbol.start_line
            )  # the innermost is the best
        if score > 0:
            scored.append((-score, symbol.start_byte, symbol.qualified_name))
    return tuple(dict.fromkeys(name for _, _, name in sorted(scored)))[:_SYMBOLS]
