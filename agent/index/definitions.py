"""Single definitions ranked for a task: a long file is about it when one of its definitions is."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from moot.agent.core.types import Symbol
from moot.agent.index.terms import count_words, is_word, split_identifier, terms_of

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
        self._known: dict[bytes, list[tuple[str, float]]] = {}

    def scores(self, data: bytes, symbols: Sequence[Symbol]) -> list[float]:
        """Return the score of each definition of a file."""
        told = {word for word in count_words(data) if self._terms_in(word)}
        return [self._score(data[s.start_byte : s.end_byte], s.name, told) for s in symbols]

    def _score(self, text: bytes, name: str, told: set[bytes]) -> float:
        if len(text) > _LONGEST:
            return 0.0
        words = count_words(text)
        times = defaultdict[str, float](float)
        for word in told & words.keys():
            for term, share in self._terms_in(word):
                times[term] += words[word] * share
        for part in split_identifier(name):
            if part in self._terms:
                term, share = self._terms[part]
                times[term] += _NAME * share
        length = 1 - _B + _B * words.total() / _MEAN_WORDS
        return sum(self._idf[term] * count / (count + _K1 * length) for term, count in sorted(times.items()))

    def _terms_in(self, word: bytes) -> list[tuple[str, float]]:
        found = self._known.get(word)
        if found is None:
            parts = terms_of(word) if is_word(word) else ()
            found = self._known[word] = [self._terms[part] for part in parts if part in self._terms]
        return found
