"""The current tree, ready to be ranked: its paths, where their words are, and what imports lead to."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from moot.agent.core.testfiles import is_test
from moot.agent.core.types import TreeEntry
from moot.agent.index.facts import Imports
from moot.agent.index.imports.resolve import Resolver
from moot.agent.index.imports.tree import Tree
from moot.agent.index.paths import Paths, is_vendored
from moot.agent.index.segment import Ints, Segment
from moot.agent.index.stems import stem, stem_prefix
from moot.agent.index.store import Place

__all__ = ["BODY", "FIELDS", "NAMES", "PATH", "Corpus", "Document", "ReadMany"]

BODY, NAMES, PATH = FIELDS = range(3)
"""The fields of a document that BM25F weighs."""

_NONE = np.zeros(0, np.int64)
_NO_IMPORTS = Imports("", ())
_EVERY = 4096  # documents whose imports are loaded at once
_MOST_CONFIGURED = 1 << 18  # bytes of a configuration file

Document = tuple[TreeEntry, Place | None]
"""A file and where its words are; None for one that is known by its path only."""

LoadImports = Callable[[Collection[TreeEntry]], Mapping[str, Imports]]
"""Returns the imports of files, by path."""

ReadMany = Callable[[Iterable[str]], Iterable[tuple[str, bytes]]]
"""Yields (blob id, bytes) of blobs."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The files of the tree whose words are in one segment: their numbers, and those of their documents."""

    segment: Segment
    numbers: Ints
    documents: Ints

    def having(self, documents: Ints) -> Ints:
        """Return the numbers of the files that have these documents."""
        wanted = np.zeros(self.segment.documents, np.bool_)
        wanted[documents] = True
        return self.numbers[wanted[self.documents]]


class Corpus:
    """All files of one tree, numbered in order of path; built once for each tree and then only read."""

    def __init__(
        self,
        documents: Sequence[Document],
        segments: Mapping[str, Segment],
        load_imports: LoadImports,
        read_many: ReadMany,
        before: Paths | None = None,
    ) -> None:
        """Join files with the segments that they name.

        Args:
            documents: the files, in any order.
            segments: by name; each that a place names.
            load_imports: asked when imports are first followed from a file.
            read_many: asked for the configuration files by which imports are resolved, when they first are.
            before: the paths of the tree before a change, which are kept where they are the same.
        """
        ordered = sorted(documents, key=lambda document: document[0].path)
        self.entries = [entry for entry, _ in ordered]
        paths = [entry.path for entry in self.entries]
        self.paths = before if before is not None and before.all == paths else Paths(paths)
        self.readable = np.array([place is not None for _, place in ordered], np.bool_)
        self._generated = np.array([place is not None and place.generated for _, place in ordered], np.bool_)
        self._parts = list(_parts_of([place for _, place in ordered], segments))
        self._load_imports = load_imports
        self._read_many = read_many
        self._imports: dict[int, Imports] = {}
        self._resolver = Resolver(Tree(self.paths, self._read_files, self.defining_numbers, self._packages))

    @cached_property
    def lengths(self) -> list["npt.NDArray[np.float64]"]:
        """Number of terms of each file in each field."""
        found = [np.zeros(len(self.entries)) for _ in FIELDS]
        for part in self._parts:
            found[BODY][part.numbers] = part.segment.lengths[part.documents]
            found[NAMES][part.numbers] = part.segment.name_lengths[part.documents]
        for numbers, times in self.paths.terms.values():
            found[PATH][numbers] += times
        return found

    @cached_property
    def mean_lengths(self) -> list[float]:
        """Mean number of terms in each field, at least 1."""
        return [max(1.0, float(lengths.sum()) / max(1, len(self.entries))) for lengths in self.lengths]

    def frequencies(self, term: str) -> list["npt.NDArray[np.float64]"]:
        """Return how often a term is in each field of each file."""
        found = [np.zeros(len(self.entries)) for _ in FIELDS]
        for part in self._parts:
            body, names = part.segment.frequencies(term)
            found[BODY][part.numbers] = body[part.documents]
            found[NAMES][part.numbers] = names[part.documents]
        numbers, times = self.paths.terms.get(term, ((), ()))
        found[PATH][list(numbers)] = list(times)
        return found

    def forms(self, term: str) -> list[str]:
        """Return the other terms here that have the same stem."""
        prefix = stem_prefix(term)
        if prefix is None:
            return []
        found = {form for part in self._parts for form in part.segment.terms_from(prefix)}
        return sorted(form for form in found if form != term and stem(form) == stem(term))

    def joined(self, first: Collection[str], second: Collection[str]) -> tuple[Ints, Ints]:
        """Return the files with a word that has a term of both lists, and those that define one."""
        found = [(part, part.segment.joined(first, second)) for part in self._parts]
        using = [part.having(uses) for part, (uses, _) in found]
        defining = [part.having(definitions) for part, (_, definitions) in found]
        return np.concatenate([*using, _NONE]), np.concatenate([*defining, _NONE])

    def generated(self, number: int) -> bool:
        """Tell whether a file says, or its path says, that no person writes it here."""
        return bool(self._generated[number]) or is_vendored(self.paths.all[number])

    def defining(self, name: str) -> list[str]:
        """Return the paths that define a name."""
        return [self.paths.all[number] for number in self.defining_numbers(name)]

    def defining_numbers(self, name: str) -> list[int]:
        """Return the files that define a name; a qualified name is none of them."""
        return sorted(self._having(name, Segment.defining))

    def referring(self, name: str) -> list[str]:
        """Return the paths that hold a name as a word, in order."""
        return [self.paths.all[number] for number in self.referring_numbers(name)]

    def referring_numbers(self, name: str) -> list[int]:
        """Return the files that hold a name as a word; a qualified name stands nowhere as one."""
        return sorted(self._having(name, Segment.using))

    def names(self) -> Iterator[str]:
        """Yield every name that is defined somewhere, in any order, some more than once."""
        for part in self._parts:
            live = np.zeros(part.segment.documents, np.bool_)
            live[part.documents] = True
            yield from part.segment.names(live)

    def imported(self, number: int) -> Iterator[int]:
        """Yield the files that a file's imports lead to."""
        led_to = self.led_to(self._imports_of([number])[0].modules, self.paths.all[number])
        yield from (other for other in led_to if other != number)

    def led_to(self, modules: Iterable[str], importer: str) -> Iterator[int]:
        """Yield the files that modules mean as a file at a path imports them."""
        for module in modules:
            yield from self._resolver.files(module, importer)

    def dependents(self, paths: Collection[str]) -> set[str]:
        """Return the paths whose imports lead to these, at any distance, and tests named after them."""
        importers: dict[int, list[int]] = {}
        for start in range(0, len(self.entries), _EVERY):
            self._imports_of(range(start, min(start + _EVERY, len(self.entries))))
        for number, path in enumerate(self.paths.all):
            tested = (*self.paths.subjects(path), *self._resolver.tested(path)) if is_test(path) else ()
            for other in {*self.imported(number), *tested}:
                importers.setdefault(other, []).append(number)
        found, waiting = (
            set[int](),
            [self.paths.numbers[path] for path in paths if path in self.paths.numbers],
        )
        while waiting:
            for number in importers.get(waiting.pop(), ()):
                if number not in found:
                    found.add(number)
                    waiting.append(number)
        return {self.paths.all[number] for number in found}

    def _having(self, name: str, documents: Callable[[Segment, bytes], Ints]) -> set[int]:
        word = name.encode("utf-8", "replace")
        return {int(n) for part in self._parts for n in part.having(documents(part.segment, word))}

    def _packages(self, numbers: Sequence[int]) -> Sequence[str]:
        return [imports.package for imports in self._imports_of(numbers)]

    def _read_files(self, numbers: Collection[int]) -> Iterator[tuple[int, bytes]]:
        small = [n for n in numbers if self.readable[n] and self.entries[n].size <= _MOST_CONFIGURED]
        blobs = dict(self._read_many(dict.fromkeys(self.entries[n].blob for n in small)))
        yield from ((n, blobs[blob]) for n in small if (blob := self.entries[n].blob) in blobs)

    def _imports_of(self, numbers: Sequence[int]) -> list[Imports]:
        if missing := [n for n in numbers if n not in self._imports]:
            loaded = self._load_imports([self.entries[n] for n in missing if self.readable[n]])
            self._imports |= {n: loaded.get(self.paths.all[n], _NO_IMPORTS) for n in missing}
        return [self._imports[n] for n in numbers]


def _parts_of(places: Iterable[Place | None], segments: Mapping[str, Segment]) -> Iterator[_Part]:
    found: dict[str, tuple[list[int], list[int]]] = {}
    for number, place in enumerate(places):
        if place is not None:
            numbers, documents = found.setdefault(place.segment, ([], []))
            numbers.append(number)
            documents.append(place.document)
    for name, (numbers, documents) in found.items():
        yield _Part(segments[name], np.array(numbers), np.array(documents))
