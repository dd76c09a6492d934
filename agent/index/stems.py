"""Stems of words: `parse` is asked for, `parsing`, `parsed` and `parser` count too."""

from functools import cache, lru_cache
from typing import Protocol

__all__ = ["stem", "stem_prefix"]

_SHORTEST = 3  # letters of a stem whose other forms count


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - the library's name


@cache
def _stemmer() -> _Stemmer:
    import Stemmer  # pyright: ignore[reportMissingTypeStubs] - Snowball's own binding has none

    return Stemmer.Stemmer("english")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


@lru_cache(maxsize=1 << 16)
def stem(term: str) -> str:
    """Return the stem of a lower-case term, by Porter's second algorithm for English."""
    return _stemmer().stemWord(term)


def stem_prefix(term: str) -> str | None:
    """Return what all forms of a term begin with; None where the stem is too short to say anything."""
    root = stem(term)
    if len(root) < _SHORTEST or not term.isalpha():
        return None
    return root[:-1] if root.endswith("i") else root  # queri: query, queries
