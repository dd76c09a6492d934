"""Single definitions ranked for a task: a long file is about it when one of its definitions is."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence

from moot.agent.index.facts import Outlined
from moot.agent.index.terms import split_identifier
from moot.agent.index.texts import Text, Told

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
        self._told = Told(self._terms)

    def scores(self, text: Text) -> list[float]:
        """Return the score of each definition of a file."""
        places, having = text.telling(self._told)
        where, numbers = places.tolist(), text.numbers[places].tolist()
        found: list[float] = []
        for definition, (first, last) in zip(text.outline, text.spans, strict=True):
            lo, hi = bisect_left(where, first), bisect_left(where, last)
            terms = [term for number in numbers[lo:hi] for term in having[number]]
            found.append(self._score(definition, terms, last - first))
        return found

    def _score(self, definition: Outlined, terms: Sequence[tuple[str, float]], words: int) -> float:
        """Score one definition by the terms in its text, and by the number of its words."""
        if definition.end_byte - definition.start_byte > _LONGEST:
            return 0.0
        times = defaultdict[str, float](float)
        for term, share in terms:
            times[term] += share
        for part in split_identifier(definition.name):
            if part in self._terms:
                term, share = self._terms[part]
                times[term] += _NAME * share
        length = 1 - _B + _B * words / _MEAN_WORDS
        return sum(self._idf[term] * count / (count + _K1 * length) for term, count in sorted(times.items()))
