"""The current tree in memory, ready to be ranked: postings, definitions, and what imports lead to."""

import posixpath
import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from moot.agent.core.types import TreeEntry
from moot.agent.index.facts import Row, decode_counts, decode_links, decode_names
from moot.agent.index.languages import TEXT, language_of
from moot.agent.index.store import Key
from moot.agent.index.terms import split_identifier

__all__ = ["BODY", "FIELDS", "PATH", "SYMBOLS", "Corpus", "Document", "Postings", "test_subject"]

BODY, SYMBOLS, PATH = FIELDS = range(3)
"""The fields of a document that BM25F weighs."""

Postings = dict[str, "array[int]"]
"""Term -> document, times, document, times, …"""

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


@dataclass(frozen=True, slots=True)
class Document:
    """A file as the ranking sees it. `length` is its number of terms in each field.

    `readable` is False for what has no bytes worth reading: links, submodules, files over 1 MB.
    """

    path: str
    blob: str
    language: str
    is_test: bool
    generated: bool
    readable: bool
    length: tuple[int, int, int]
    imports: tuple[str, ...]


class Corpus:
    """All files of one tree; built once for each tree and then only read."""

    def __init__(self, entries: Iterable[TreeEntry], rows: Mapping[Key, Row]) -> None:
        """Build the postings from stored rows; a file without a row is known by its path."""
        self.documents: list[Document] = []
        self.by_path: dict[str, int] = {}
        self.postings: tuple[Postings, Postings, Postings] = ({}, {}, {})
        self.references: Postings = {}
        self._definitions: dict[str, list[int]] = {}
        self._by_stem: dict[str, list[int]] = {}
        for entry in sorted(entries, key=lambda entry: entry.path):
            self._add(entry, rows.get((entry.blob, language_of(entry.path))))
        totals = [sum(document.length[field] for document in self.documents) for field in FIELDS]
        self.mean_length = [max(1.0, total / max(1, len(self.documents))) for total in totals]

    def defining(self, name: str) -> list[str]:
        """Return the paths that define a name or a qualified name."""
        return [self.documents[number].path for number in self._definitions.get(name, ())]

    def defining_numbers(self, name: str) -> Collection[int]:
        """Return the documents that define a name or a qualified name."""
        return self._definitions.get(name, ())

    @property
    def names(self) -> Collection[str]:
        """Every name and qualified name that is defined somewhere."""
        return self._definitions.keys()

    def referring(self, name: str) -> list[str]:
        """Return the paths that use a name, in order."""
        return [self.documents[number].path for number in self.references.get(name, ())[::2]]

    def named(self, path: str) -> list[int]:
        """Return the documents whose path is, or ends with, a path."""
        parts = tuple(part for part in path.split("/") if part not in ("", ".", ".."))
        if not parts:
            return []
        name = parts[-1].removesuffix(PurePosixPath(parts[-1]).suffix) or parts[-1]
        return [
            n for n in self._by_stem.get(name, ()) if _parts(self.documents[n].path)[-len(parts) :] == parts
        ]

    def mentioned(self, path: str) -> list[int]:
        """Return the documents that a path from elsewhere means: its longest end that a file here has."""
        parts = path.strip("/").split("/")
        for start in range(len(parts)):
            if found := self.named("/".join(parts[start:])):
                return found
        return []

    def stem(self, name: str) -> list[int]:
        """Return the documents whose file name without extension is `name`."""
        return self._by_stem.get(name, [])

    def imported(self, number: int) -> Iterator[int]:
        """Yield the documents that a document's imports lead to."""
        document = self.documents[number]
        for module in document.imports:
            for parts in _module_parts(module, document):
                if found := self._module(parts, document.language):
                    yield from (other for other in found[:2] if other != number)
                    break

    def dependents(self, paths: Collection[str]) -> set[str]:
        """Return the paths whose imports lead to these, at any distance, and tests named after them."""
        importers: dict[int, list[int]] = {}
        for number, document in enumerate(self.documents):
            subject = test_subject(document.path) if document.is_test else None
            for other in {*self.imported(number), *(self._by_stem.get(subject, ()) if subject else ())}:
                importers.setdefault(other, []).append(number)
        found, waiting = set[int](), [self.by_path[path] for path in paths if path in self.by_path]
        while waiting:
            for number in importers.get(waiting.pop(), ()):
                if number not in found:
                    found.add(number)
                    waiting.append(number)
        return {self.documents[number].path for number in found}

    def _module(self, parts: tuple[str, ...], language: str) -> list[int]:
        return [
            n
            for n in self._by_stem.get(parts[-1], ())
            if self.documents[n].language == language
            and _module_of(self.documents[n].path)[-len(parts) :] == parts
        ]

    def _add(self, entry: TreeEntry, row: Row | None) -> None:
        number = len(self.documents)
        path_terms = _split(entry.path)
        symbol_terms: dict[str, int] = {}
        links = decode_links(row.links) if row else None
        if row:
            names: dict[str, None] = {}
            for name, qualified in decode_names(row.symbols):
                names[name] = names[qualified] = None
                for part in split_identifier(name):
                    symbol_terms[part] = symbol_terms.get(part, 0) + 1
            for name in names:
                self._definitions.setdefault(name, []).append(number)
        body = decode_counts(row.terms) if row else {}
        for postings, terms in zip(self.postings, (body, symbol_terms, path_terms), strict=True):
            _post(postings, number, terms)
        _post(self.references, number, links.references if links else {})
        for stem in {PurePosixPath(entry.path).stem, *_module_of(entry.path)[-1:]}:
            self._by_stem.setdefault(stem, []).append(number)
        self.by_path[entry.path] = number
        self.documents.append(
            Document(
                path=entry.path,
                blob=entry.blob,
                language=language_of(entry.path),
                is_test=_is_test(entry.path),
                generated=bool(row and row.generated) or _VENDORED.search(entry.path) is not None,
                readable=row is not None,
                length=(row.length if row else 0, sum(symbol_terms.values()), sum(path_terms.values())),
                imports=tuple(links.imports) if links else (),
            )
        )


def test_subject(path: str) -> str | None:
    """Return the stem of the source that a test file is named after (`tests/test_x.py` -> `x`)."""
    match = _TEST_STEM.match(PurePosixPath(path).stem)
    return (match["after"] or match["before"]) if match else None


def _is_test(path: str) -> bool:
    parts = path.split("/")
    return not _TEST_FOLDERS.isdisjoint(parts[:-1]) or _TEST_STEM.match(PurePosixPath(path).stem) is not None


def _post(postings: Postings, number: int, counts: Mapping[str, int]) -> None:
    for term, times in counts.items():
        posting = postings.get(term)
        if posting is None:
            postings[term] = array("I", (number, times))
        else:
            posting.append(number)
            posting.append(times)


def _split(path: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in _WORD.findall(path):
        for part in split_identifier(word):
            counts[part] = counts.get(part, 0) + 1
    return counts


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("/"))


def _module_of(path: str) -> tuple[str, ...]:
    parts = (*path.split("/")[:-1], PurePosixPath(path).stem)
    return parts[:-1] if parts[-1] in _PACKAGE_STEMS and len(parts) > 1 else parts


def _module_parts(module: str, document: Document) -> Iterator[tuple[str, ...]]:
    """Yield the ways to read an imported module as the end of a path, the most specific first."""
    folder = posixpath.dirname(document.path)
    if document.language in ("javascript", "typescript", "tsx"):
        if module.startswith("."):
            path = posixpath.normpath(posixpath.join(folder, module))
            yield _module_of(path)
            yield _module_of(path + "/index")
        return
    if document.language == "python" and module.startswith("."):
        name = module.lstrip(".")
        folders = [part for part in folder.split("/") if part]
        kept = max(0, len(folders) - (len(module) - len(name) - 1))
        parts = (*folders[:kept], *(part for part in name.split(".") if part))
    else:
        parts = tuple(p for p in re.split(r"::|[./]", module) if p not in ("crate", "self", "super", ""))
    if document.language != TEXT:
        yield from (parts[:end] for end in (len(parts), len(parts) - 1) if end > 0)
