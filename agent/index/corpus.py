"""The current tree, ready to be ranked: its paths, where their words are, and what imports lead to."""

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from moot.agent.core.types import TreeEntry
from moot.agent.index.languages import TEXT, language_of
from moot.agent.index.segment import Ints, Segment
from moot.agent.index.store import Place
from moot.agent.index.terms import split_identifier

__all__ = ["BODY", "FIELDS", "NAMES", "PATH", "Corpus", "Document", "is_test", "test_subject"]

BODY, NAMES, PATH = FIELDS = range(3)
"""The fields of a document that BM25F weighs."""

_WORD = re.compile(r"[^\W\d]\w+")
_TEST_FOLDERS = frozenset({"test", "tests", "testing", "spec", "specs", "__tests__", "testdata", "fixtures"})
_TEST_STEM = re.compile(
    r"^(?:tests?_(?P<after>.+)|(?P<before>.+?)(?:_tests?|[._-]spec|\.test|Tests?)|conftest)$"
)
_VENDORED = re.compile(
    r"(?:^|/)(?:vendor|vendored|_vendor|node_modules|third_party|dist|\.yarn)/|\.min\.(?:js|css)$|_pb2?\.\w+$"
    r"|(?:^|/)(?:package-lock\.json|[\w.-]+\.lock|go\.sum|pnpm-lock\.yaml)$"
)
_PACKAGE_STEMS = frozenset({"__init__", "index", "mod", "lib"})
_EVERY = 4096  # documents whose imports are loaded at once

Document = tuple[TreeEntry, Place | None]
"""A file and where its words are; None for one that is known by its path only."""

LoadImports = Callable[[Collection[TreeEntry]], Mapping[str, Sequence[str]]]
"""Returns the imports of files, by path."""


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
        self, documents: Sequence[Document], segments: Mapping[str, Segment], load_imports: LoadImports
    ) -> None:
        """Join files with the segments that they name.

        Args:
            documents: the files, in any order.
            segments: by name; each that a place names.
            load_imports: asked when imports are first followed from a file.
        """
        ordered = sorted(documents, key=lambda document: document[0].path)
        self.entries = [entry for entry, _ in ordered]
        self.paths = [entry.path for entry in self.entries]
        self.by_path = {path: number for number, path in enumerate(self.paths)}
        self.readable = np.array([place is not None for _, place in ordered], np.bool_)
        self._generated = np.array([place is not None and place.generated for _, place in ordered], np.bool_)
        self._parts = list(_parts_of([place for _, place in ordered], segments))
        self._load_imports = load_imports
        self._imports: dict[int, Sequence[str]] = {}

    @cached_property
    def lengths(self) -> list["npt.NDArray[np.float64]"]:
        """Number of terms of each file in each field."""
        found = [np.zeros(len(self.paths)) for _ in FIELDS]
        for part in self._parts:
            found[BODY][part.numbers] = part.segment.lengths[part.documents]
            found[NAMES][part.numbers] = part.segment.name_lengths[part.documents]
        for numbers, times in self._path_terms.values():
            found[PATH][numbers] += times
        return found

    @cached_property
    def mean_lengths(self) -> list[float]:
        """Mean number of terms in each field, at least 1."""
        return [max(1.0, float(lengths.sum()) / max(1, len(self.paths))) for lengths in self.lengths]

    def frequencies(self, term: str) -> list["npt.NDArray[np.float64]"]:
        """Return how often a term is in each field of each file."""
        found = [np.zeros(len(self.paths)) for _ in FIELDS]
        for part in self._parts:
            body, names = part.segment.frequencies(term)
            found[BODY][part.numbers] = body[part.documents]
            found[NAMES][part.numbers] = names[part.documents]
        numbers, times = self._path_terms.get(term, ((), ()))
        found[PATH][list(numbers)] = list(times)
        return found

    def generated(self, number: int) -> bool:
        """Tell whether a file says, or its path says, that no person writes it here."""
        return bool(self._generated[number]) or _VENDORED.search(self.paths[number]) is not None

    def defining(self, name: str) -> list[str]:
        """Return the paths that define a name."""
        return [self.paths[number] for number in self.defining_numbers(name)]

    def defining_numbers(self, name: str) -> list[int]:
        """Return the files that define a name, or each part of a qualified one."""
        found = [self._having(part, Segment.defining) for part in name.split(".") if part]
        return sorted(set[int]().union(*found[-1:]).intersection(*found))

    def referring(self, name: str) -> list[str]:
        """Return the paths that hold a name as a word, in order."""
        return [self.paths[number] for number in self.referring_numbers(name)]

    def referring_numbers(self, name: str) -> list[int]:
        """Return the files that hold a name as a word; a qualified name stands nowhere as one."""
        return sorted(self._having(name, Segment.using))

    def names(self) -> Iterator[str]:
        """Yield every name that is defined somewhere, in any order, some more than once."""
        for part in self._parts:
            live = np.zeros(part.segment.documents, np.bool_)
            live[part.documents] = True
            yield from part.segment.names(live)

    def named(self, path: str) -> list[int]:
        """Return the files whose path is, or ends with, a path."""
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        if not parts:
            return []
        end = "/".join(parts)
        return [
            number
            for number in self._by_stem.get(_stem(parts[-1]), ())
            if self.paths[number] == end or self.paths[number].endswith(f"/{end}")
        ]

    def mentioned(self, path: str) -> list[int]:
        """Return the files that a path from elsewhere means: its longest end that a file here has."""
        parts = path.strip("/").split("/")
        for start in range(len(parts)):
            if found := self.named("/".join(parts[start:])):
                return found
        return []

    def stem(self, name: str) -> list[int]:
        """Return the files whose name without extension is `name`."""
        return self._by_stem.get(name, [])

    def imported(self, number: int) -> Iterator[int]:
        """Yield the files that a file's imports lead to."""
        entry = self.entries[number]
        for module in self._imports_of([number])[0]:
            for parts in _module_parts(module, entry.path):
                if found := self._module(parts, language_of(entry.path)):
                    yield from (other for other in found[:2] if other != number)
                    break

    def dependents(self, paths: Collection[str]) -> set[str]:
        """Return the paths whose imports lead to these, at any distance, and tests named after them."""
        importers: dict[int, list[int]] = {}
        for start in range(0, len(self.paths), _EVERY):
            self._imports_of(range(start, min(start + _EVERY, len(self.paths))))
        for number, path in enumerate(self.paths):
            subject = test_subject(path) if is_test(path) else None
            for other in {*self.imported(number), *(self._by_stem.get(subject, ()) if subject else ())}:
                importers.setdefault(other, []).append(number)
        found, waiting = set[int](), [self.by_path[path] for path in paths if path in self.by_path]
        while waiting:
            for number in importers.get(waiting.pop(), ()):
                if number not in found:
                    found.add(number)
                    waiting.append(number)
        return {self.paths[number] for number in found}

    def _having(self, name: str, documents: Callable[[Segment, bytes], Ints]) -> set[int]:
        word = name.encode("utf-8", "replace")
        return {int(n) for part in self._parts for n in part.having(documents(part.segment, word))}

    def _imports_of(self, numbers: Sequence[int]) -> list[Sequence[str]]:
        if missing := [n for n in numbers if n not in self._imports]:
            loaded = self._load_imports([self.entries[n] for n in missing if self.readable[n]])
            self._imports |= {n: loaded.get(self.paths[n], ()) for n in missing}
        return [self._imports[n] for n in numbers]

    def _module(self, parts: tuple[str, ...], language: str) -> list[int]:
        return [
            n
            for n in self._by_stem.get(parts[-1], ())
            if _module_of(self.paths[n])[-len(parts) :] == parts and language_of(self.paths[n]) == language
        ]

    @cached_property
    def _by_stem(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, path in enumerate(self.paths):
            for stem in {_stem(path.rpartition("/")[2]), *_module_of(path)[-1:]}:
                found.setdefault(stem, []).append(number)
        return found

    @cached_property
    def _path_terms(self) -> dict[str, tuple[list[int], list[int]]]:
        """Term -> the files whose path has it, and how often."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        splits: dict[str, list[str]] = {}
        for number, path in enumerate(self.paths):
            counts: dict[str, int] = {}
            for part in path.split("/"):
                terms = splits.get(part)
                if terms is None:
                    terms = [t for word in _WORD.findall(part) for t in split_identifier(word)]
                    splits[part] = terms
                for term in terms:
                    counts[term] = counts.get(term, 0) + 1
            for term, times in counts.items():
                numbers, all_times = found.setdefault(term, ([], []))
                numbers.append(number)
                all_times.append(times)
        return found


def test_subject(path: str) -> str | None:
    """Return the stem of the source that a test file is named after (`tests/test_x.py` -> `x`)."""
    match = _TEST_STEM.match(_stem(path.rpartition("/")[2]))
    return (match["after"] or match["before"]) if match else None


def is_test(path: str) -> bool:
    """Tell whether a file is of tests, by its name or a folder."""
    folder, _, name = path.rpartition("/")
    return not _TEST_FOLDERS.isdisjoint(folder.split("/")) or _TEST_STEM.match(_stem(name)) is not None


def _parts_of(places: Iterable[Place | None], segments: Mapping[str, Segment]) -> Iterator[_Part]:
    found: dict[str, tuple[list[int], list[int]]] = {}
    for number, place in enumerate(places):
        if place is not None:
            numbers, documents = found.setdefault(place.segment, ([], []))
            numbers.append(number)
            documents.append(place.document)
    for name, (numbers, documents) in found.items():
        yield _Part(segments[name], np.array(numbers), np.array(documents))


def _stem(name: str) -> str:
    dot = name.rfind(".")
    return name[:dot] if 0 < dot < len(name) - 1 else name


def _module_of(path: str) -> tuple[str, ...]:
    *folders, name = path.split("/")
    stem = _stem(name)
    return tuple(folders) if stem in _PACKAGE_STEMS and folders else (*folders, stem)


def _module_parts(module: str, path: str) -> Iterator[tuple[str, ...]]:
    """Yield the ways to read an imported module as the end of a path, the most specific first."""
    folder, language = posixpath.dirname(path), language_of(path)
    if language in ("javascript", "typescript", "tsx"):
        if module.startswith("."):
            target = posixpath.normpath(posixpath.join(folder, module))
            yield _module_of(target)
            yield _module_of(target + "/index")
        return
    if language == "python" and module.startswith("."):
        name = module.lstrip(".")
        folders = [part for part in folder.split("/") if part]
        kept = max(0, len(folders) - (len(module) - len(name) - 1))
        parts = (*folders[:kept], *(part for part in name.split(".") if part))
    else:
        parts = tuple(p for p in re.split(r"::|[./]", module) if p not in ("crate", "self", "super", ""))
    if language != TEXT:
        yield from (parts[:end] for end in (len(parts), len(parts) - 1) if end > 0)
