"""Single definitions ranked for a task: a long file is about it when one of its definitions is."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence

from moot.agent.core.types import Symbol
from moot.agent.index.segment import Ints
from moot.agent.index.terms import is_word, split_identifier, terms_of, words_of

__all__ = ["Matcher"]

_K1, _B = 1.2, 0.6
_MEAN_WORDS = 100  # of a definition; by it the length counts
_NAME = 4  # times that a word of its name counts
_LONGEST = 20_000  # bytes; longer ones are whole modules
_OTHER_FORM = 0.5  # what another form of a word counts


class Matcher:
    """Scores definitions by BM25 over their own text, with the tree's own idf."""

    def __init__(self, idf: Mapping[str, float], forms: Mapping[str, Sequence[str]]) -> None:
        """Take the task's words.

        Args:
            idf: of each word.
            forms: each word's other forms.
        """
        self._idf = idf
        self._terms = {form: (term, _OTHER_FORM) for term in idf for form in forms.get(term, ())}
        self._terms |= {term: (term, 1.0) for term in idf}
        self._terms_in = _TermsIn(self._terms)

    def scores(self, data: bytes, symbols: Sequence[Symbol]) -> list[float]:
        """Return the score of each definition of a file."""
        words, before = words_of(data)
        told = {word for word in set(words) if self._terms_in[word]}
        places = [place for place, word in enumerate(words) if word in told]
        return [self._score(symbol, words, before, places) for symbol in symbols]

    def _score(self, symbol: Symbol, words: Sequence[bytes], before: Ints, places: Sequence[int]) -> float:
        """Score one definition.

        Args:
            symbol: the definition.
            words: of the file.
            before: how many words of the file begin before each byte.
            places: which of the words tell something.
        """
        if symbol.end_byte - symbol.start_byte > _LONGEST:
            return 0.0
        first, last = int(before[symbol.start_byte]), int(before[symbol.end_byte])
        times = defaultdict[str, float](float)
        for place in places[bisect_left(places, first) : bisect_left(places, last)]:
            for term, share in self._terms_in[words[place]]:
                times[term] += share
        for part in split_identifier(symbol.name):
            if part in self._terms:
                term, share = self._terms[part]
                times[term] += _NAME * share
        length = 1 - _B + _B * (last - first) / _MEAN_WORDS
        return sum(self._idf[term] * count / (count + _K1 * length) for term, count in sorted(times.items()))


class _TermsIn(dict[bytes, list[tuple[str, float]]]):
    """Word -> the task's terms in it and what each counts; found out when it is first asked."""

    def __init__(self, terms: Mapping[str, tuple[str, float]]) -> None:
        super().__init__()
        self._terms = terms

    def __missing__(self, word: bytes) -> list[tuple[str, float]]:
        parts = terms_of(word) if is_word(word) else ()
        found = self[word] = [self._terms[part] for part in parts if part in self._terms]
        return found
