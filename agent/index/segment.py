"""An inverted file over many blobs: word -> documents, written once and then only read.

As in Lucene, an index is a few immutable segments; what changes goes into a new, small one. The unit is
the word as it is written, with its case: the terms that are searched (`parse`, `header`) lead to words
(`parse_header`, `HeaderParser`), and those to documents, so that exact names and terms need one file only.
"""

import json
import mmap
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from moot.agent.index.terms import is_word, terms_of

__all__ = ["MOST_DOCUMENTS", "Builder", "Ints", "Segment", "Vocabulary"]

Ints = npt.NDArray[np.integer]

MOST_DOCUMENTS = 60_000
"""Documents of one segment: their numbers take two bytes."""

_MAGIC = b"moot segment 1\n"
_ALIGN = 8
_MOST_TIMES = 255  # a count above says no more: BM25 saturates far below
_NONE: Ints = np.zeros(0, np.int64)


class Segment:
    """A segment in memory or mapped from a file. Safe for threads."""

    def __init__(self, data: "bytes | mmap.mmap") -> None:
        """Read the table of contents. Raises ValueError when it is not a whole segment."""
        if data[: len(_MAGIC)] != _MAGIC:
            raise ValueError("not a segment")
        end = data.find(b"\n", len(_MAGIC))
        contents: dict[str, tuple[str, int, int]] = json.loads(data[len(_MAGIC) : end])
        start = _aligned(end + 1)
        if len(data) < start + sum(_aligned(size) for _, _, size in contents.values()):
            raise ValueError("the segment is cut short")

        def array(name: str) -> Ints:
            kind, offset, size = contents[name]
            dtype = np.dtype(kind)
            return np.frombuffer(data, dtype, size // dtype.itemsize, start + offset)

        self._words = _Strings(array("words"), array("word_sizes"))
        self._terms = _Strings(array("terms"), array("term_sizes"))
        self._term_words = _Lists(array("term_counts"), array("term_words"))
        self._uses = _Lists(array("use_counts"), array("use_documents"))
        self._times = array("use_times")
        self._defined = array("defined_words")
        self._definitions = _Lists(array("definition_counts"), array("definition_documents"))
        self.lengths = array("lengths")
        """Number of terms in each document."""
        self.name_lengths = array("name_lengths")
        """Number of terms in the names that each document defines."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map a file. Raises OSError; ValueError when it is damaged."""
        with path.open("rb") as file:
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @property
    def documents(self) -> int:
        """Number of documents."""
        return len(self.lengths)

    def using(self, word: bytes) -> Ints:
        """Return the documents that hold a word as it is written."""
        number = self._words.find(word)
        return self._uses[number] if number is not None else _NONE

    def defining(self, name: bytes) -> Ints:
        """Return the documents that define a name."""
        number = self._words.find(name)
        places = self._places(np.array([number])) if number is not None else _NONE
        return _union([self._definitions[int(places[0])]]) if len(places) else _NONE

    def names(self, live: "npt.NDArray[np.bool_]") -> Iterator[str]:
        """Yield the names that are defined by documents for which `live` is true."""
        for place, number in enumerate(self._defined):
            if live[self._definitions[place]].any():
                yield self._words[int(number)].decode("utf-8", "replace")

    def frequencies(self, term: str) -> tuple[Ints, Ints]:
        """Return how often a term is in each document, and in the names that it defines."""
        number = self._terms.find(term.encode())
        words = self._term_words[number] if number is not None else _NONE
        body = self._sum(
            [self._uses[int(word)] for word in words], [self._times[self._uses.span(int(w))] for w in words]
        )
        names = self._sum([self._definitions[int(place)] for place in self._places(words)])
        return body, names

    def joined(self, first: Iterable[str], second: Iterable[str]) -> tuple[Ints, Ints]:
        """Return the documents with a word that has a term of both lists, and those that define one."""
        words = np.array(sorted(self._having(first) & self._having(second)), np.int64)
        return (
            _union([self._uses[int(word)] for word in words]),
            _union([self._definitions[int(place)] for place in self._places(words)]),
        )

    def terms_from(self, prefix: str) -> Iterator[str]:
        """Yield the terms that begin with a prefix, in order."""
        start = prefix.encode()
        for number in range(bisect_left(self._terms, start), len(self._terms)):
            term = self._terms[number]
            if not term.startswith(start):
                return
            yield term.decode()

    def read_into(self, builder: "Builder", documents: Iterable[int]) -> list[int]:
        """Add documents to another segment's builder and return their numbers there."""
        vocabulary = Vocabulary([self._words[number] for number in range(len(self._words))])
        uses = _Grouped(self._uses.values, self._uses.owners(), self.documents)
        defined = self._defined[self._definitions.owners()] if len(self._defined) else _NONE
        names = _Grouped(self._definitions.values, defined, self.documents)
        return [
            builder.add(vocabulary, uses.of(n), self._times[uses.places(n)], names.of(n)) for n in documents
        ]

    def _having(self, terms: Iterable[str]) -> set[int]:
        """Return the words that have one of these terms."""
        numbers = [number for term in terms if (number := self._terms.find(term.encode())) is not None]
        return {word for number in numbers for word in self._term_words[number].tolist()}

    def _places(self, words: Ints) -> Ints:
        """Return where words stand among the defined ones; those that nothing defines are left out."""
        if not len(self._defined):
            return _NONE
        places = np.minimum(np.searchsorted(self._defined, words), len(self._defined) - 1)
        return places[self._defined[places] == words]

    def _sum(self, documents: "list[Ints]", times: "list[Ints] | None" = None) -> Ints:
        if not documents:
            return np.zeros(self.documents, np.int64)
        weights = np.concatenate(times) if times is not None else None
        return np.bincount(np.concatenate(documents), weights, self.documents).astype(np.int64)


class Vocabulary:
    """Words by number, of which a builder's documents are made; it may grow between documents."""

    def __init__(self, words: list[bytes] | None = None) -> None:
        """Start with some words."""
        self.words: list[bytes] = words or []
        self.documents: list[int] = []
        self.uses: list[Ints] = []
        self.times: list[Ints] = []
        self.names: list[Ints] = []
        self.split = 0
        """Number of words whose terms the builder knows."""

    def kept(self) -> set[bytes]:
        """Return the words worth keeping, and those that are names, whatever they look like."""
        named = np.unique(np.concatenate(self.names)) if self.names else _NONE
        return {w for w in self.words[: self.split] if is_word(w)} | {self.words[int(n)] for n in named}


class Builder:
    """Collects documents and makes a segment of them."""

    def __init__(self) -> None:
        """Start empty."""
        self.documents = 0
        self.pairs = 0
        """Different words of each document, summed: what memory and the size of the segment go by."""
        self._vocabularies: dict[int, Vocabulary] = {}
        self._terms: dict[bytes, Sequence[str]] = {}  # of each word; made while parsers work

    def add(self, vocabulary: Vocabulary, uses: Ints, times: Ints, names: Ints) -> int:
        """Add a document and return its number.

        Args:
            vocabulary: where the words are; it is not emptied before `build`.
            uses: numbers of the document's words, each once.
            times: how often each is there.
            names: numbers of the words that are defined, one for each definition.
        """
        seen = self._vocabularies.setdefault(id(vocabulary), vocabulary).split
        vocabulary.split = len(vocabulary.words)  # another thread may add some meanwhile
        for word in vocabulary.words[seen : vocabulary.split]:
            if word not in self._terms:
                self._terms[word] = terms_of(word) if is_word(word) else ()
        number = self.documents
        vocabulary.documents.append(number)
        vocabulary.uses.append(uses)
        vocabulary.times.append(times)
        vocabulary.names.append(names)
        self.documents += 1
        self.pairs += len(uses)
        return number

    def build(self) -> bytes:
        """Return the segment, ready to be written."""
        words = sorted(set[bytes]().union(*(v.kept() for v in self._vocabularies.values())))
        terms, term_counts, term_words, sizes = _invert(words, self._terms)
        used, documents, times = self._flat(words, "uses")
        named, definers, _ = self._flat(words, "names")
        defined, counts = np.unique(named, return_counts=True)
        return _pack(
            words=np.frombuffer(b"".join(words), np.uint8),
            word_sizes=_small([len(word) for word in words]),
            terms=np.frombuffer(b"".join(terms), np.uint8),
            term_sizes=_small([len(term) for term in terms]),
            term_counts=_small(term_counts),
            term_words=_small(term_words),
            use_counts=_small(np.bincount(used, minlength=len(words))),
            use_documents=_small(documents),
            use_times=np.minimum(times, _MOST_TIMES).astype(np.uint8),
            defined_words=_small(defined),
            definition_counts=_small(counts),
            definition_documents=_small(definers),
            lengths=_small(np.bincount(documents, sizes[used] * times, self.documents)),
            name_lengths=_small(np.bincount(definers, sizes[named], self.documents)),
        )

    def _flat(self, words: list[bytes], what: str) -> tuple[Ints, Ints, Ints]:
        """Return (word, document, times) of everything, by word and then by document."""
        number = {word: place for place, word in enumerate(words)}
        parts: list[tuple[Ints, Ints, Ints]] = []
        for vocabulary in self._vocabularies.values():
            lists: list[Ints] = getattr(vocabulary, what)
            wanted = is_word if what == "uses" else number.__contains__
            known = vocabulary.words[: vocabulary.split]
            renumbered = np.array([number[word] if wanted(word) else -1 for word in known], np.int64)
            documents = np.repeat(np.array(vocabulary.documents), [len(each) for each in lists])
            used = renumbered[np.concatenate(lists)]
            times = np.concatenate(vocabulary.times) if what == "uses" else used
            kept = used >= 0
            parts.append((used[kept], documents[kept], times[kept]))
        if not parts:
            return _NONE, _NONE, _NONE
        used, documents, times = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.lexsort((documents, used))
        return used[order], documents[order], times[order]


def _invert(
    words: Sequence[bytes], terms_of_word: Mapping[bytes, Sequence[str]]
) -> tuple[list[bytes], Ints, Ints, Ints]:
    """Return the sorted terms; the number of words of each, and these; the number of terms in each word."""
    numbers = defaultdict[str, int](count().__next__)
    lists = [terms_of_word[word] for word in words]
    sizes = np.array([len(terms) for terms in lists], np.int64)
    found = np.fromiter(map(numbers.__getitem__, chain.from_iterable(lists)), np.int64)
    encoded = [term.encode() for term in numbers]
    order = sorted(range(len(encoded)), key=encoded.__getitem__)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    by_term = np.argsort(ranks[found], kind="stable")
    term_words = np.repeat(np.arange(len(words)), sizes)[by_term]
    return [encoded[n] for n in order], np.bincount(ranks[found], minlength=len(order)), term_words, sizes


class _Strings:
    """Sorted byte strings, end to end."""

    def __init__(self, data: Ints, sizes: Ints) -> None:
        self._data = data
        self._ends = np.cumsum(sizes, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> bytes:
        if number >= len(self._ends):
            raise IndexError(number)
        start = int(self._ends[number - 1]) if number else 0
        return self._data[start : int(self._ends[number])].tobytes()

    def find(self, wanted: bytes) -> int | None:
        """Return the number of a string that is there."""
        number = bisect_left(self, wanted)
        return number if number < len(self) and self[number] == wanted else None


class _Lists:
    """Lists of numbers, end to end."""

    def __init__(self, counts: Ints, values: Ints) -> None:
        self.values = values
        self._ends = np.cumsum(counts, dtype=np.int64)

    def __getitem__(self, number: int) -> Ints:
        return self.values[self.span(number)]

    def span(self, number: int) -> slice:
        """Return where a list's values are."""
        return slice(int(self._ends[number - 1]) if number else 0, int(self._ends[number]))

    def owners(self) -> Ints:
        """Return the list that each value is of."""
        return np.repeat(np.arange(len(self._ends)), np.diff(self._ends, prepend=0))


class _Grouped:
    """Values by group, from an array that says the group of each."""

    def __init__(self, groups: Ints, values: Ints, count: int) -> None:
        self._order = np.argsort(groups, kind="stable")
        self._values = values
        self._lists = _Lists(np.bincount(groups, minlength=count), self._order)

    def places(self, group: int) -> Ints:
        """Return where a group's values are in the given array."""
        return self._lists[group]

    def of(self, group: int) -> Ints:
        """Return a group's values."""
        return self._values[self.places(group)]


def _union(lists: Sequence[Ints]) -> Ints:
    """Return all numbers in lists, each once and in order. (`np.unique` imports 60 ms of masked arrays.)"""
    return np.array(sorted({number for each in lists for number in each.tolist()}), np.int64)


def _pack(**arrays: Ints) -> bytes:
    """Write arrays one after the other, aligned, behind a table of contents."""
    contents: dict[str, tuple[str, int, int]] = {}
    offset = 0
    for name, array in arrays.items():
        contents[name] = (array.dtype.str, offset, array.nbytes)
        offset += _aligned(array.nbytes)
    head = _MAGIC + json.dumps(contents).encode() + b"\n"
    parts = [head, bytes(_aligned(len(head)) - len(head))]
    for array in arrays.values():
        parts += [array.tobytes(), bytes(_aligned(array.nbytes) - array.nbytes)]
    return b"".join(parts)


def _small(values: "Sequence[int] | npt.NDArray[np.number]") -> Ints:
    """Return numbers in the smallest type that holds them all."""
    array = np.asarray(values)
    if not len(array):
        return np.zeros(0, np.uint8)
    return array.astype(np.min_scalar_type(int(array.max())))


def _aligned(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN
