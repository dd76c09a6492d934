"""The words and the definitions of single files, in the form in which definitions are ranked."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import numpy as np

from moot.agent.index.facts import Outlined
from moot.agent.index.segment import Ints
from moot.agent.index.terms import is_word, terms_of, words_of

__all__ = ["Text", "Told"]

_OVERHEAD = 4096  # bytes of one text beside its arrays
_PER_DEFINITION = 800  # bytes, roughly


class Text:
    """The words of a file, numbered as they first appear, and its definitions.

    Attributes:
        outline: the definitions in order of position.
        spans: for each of them, the number of words before it and before its end.
        numbers: the number of each word in order.
    """

    def __init__(self, data: bytes, outline: Sequence[Outlined]) -> None:
        """Read a file."""
        words, starts = words_of(data)
        numbers = defaultdict[bytes, int](count().__next__)
        self.numbers = np.fromiter(map(numbers.__getitem__, words), np.uint32, len(words))
        self._words = b"\n".join(numbers)
        self.outline = outline
        places = np.array([(each.start_byte, each.end_byte) for each in outline], np.int64)
        self.spans: list[list[int]] = np.searchsorted(starts, places.reshape(-1, 2)).tolist()

    @property
    def size(self) -> int:
        """Bytes of memory that it takes, roughly."""
        return _OVERHEAD + self.numbers.nbytes + len(self._words) + _PER_DEFINITION * len(self.outline)

    def telling(self, told: "Told") -> "tuple[Ints, Mapping[int, list[tuple[str, float]]]]":
        """Return the places of words that have a term of the task, and by number the terms of these words."""
        having: dict[int, list[tuple[str, float]]] = {}
        for start in {self._words.rfind(b"\n", 0, at) + 1 for at in told.among(self._words)}:
            end = self._words.find(b"\n", start)
            if terms := told[self._words[start : end if end >= 0 else None]]:
                having[self._words.count(b"\n", 0, start)] = terms
        wanted = np.zeros(self._words.count(b"\n") + 1, np.bool_)
        wanted[list(having)] = True
        return np.flatnonzero(wanted[self.numbers]), having


class Told(dict[bytes, list[tuple[str, float]]]):
    """Word -> the task's terms in it and what each counts; found out when it is first asked."""

    def __init__(self, terms: Mapping[str, tuple[str, float]]) -> None:
        """Take the task's terms in all their forms, each with the term and what it counts."""
        super().__init__()
        self._terms = terms
        self._plain = [form.encode() for form in terms if form.isascii() and form.isalpha()]
        # Digits may stand behind an underscore: `utf_8` has the term utf8. Of other scripts, any word may.
        other = [re.sub(r"(\d+)", r"_*\1", form) for form in terms if form.isascii() and not form.isalpha()]
        self._other = re.compile("|".join([*other, r"[\x80-\xff]"]).encode())

    def __missing__(self, word: bytes) -> list[tuple[str, float]]:
        parts = terms_of(word) if is_word(word) else ()
        found = self[word] = [self._terms[part] for part in parts if part in self._terms]
        return found

    def among(self, lines: bytes) -> Iterator[int]:
        """Yield where the terms may be in a text of words, one a line; in any order, some more than once."""
        lower = lines.lower()
        for form in self._plain:
            at = lower.find(form)
            while at >= 0:
                yield at
                at = lower.find(form, at + len(form))
        for match in self._other.finditer(lower):
            yield match.start()
