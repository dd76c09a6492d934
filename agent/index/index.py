"""The index of one tree: what the store knows of its blobs, and the search over them."""

import fnmatch
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from moot.agent.core.types import IndexStats, RankedFile, Symbol, TreeEntry
from moot.agent.index.corpus import Corpus
from moot.agent.index.extract import MAX_BYTES
from moot.agent.index.facts import Links, Row, decode_links, decode_symbols
from moot.agent.index.languages import TEXT, language_of
from moot.agent.index.live import outline_text
from moot.agent.index.lookup import SymbolReport, look_up
from moot.agent.index.search import search
from moot.agent.index.store import Key, Store
from moot.agent.index.workers import Workers

__all__ = ["CodeIndex"]

ReadMany = Callable[[Iterable[str]], Iterable[tuple[str, bytes]]]
Progress = Callable[[int, int], None]

_REGULAR = ("100644", "100755")
_ONE_WORKER = 50  # unknown blobs up to which a second process costs more than it saves
_BATCH = 200  # rows a transaction


class CodeIndex:
    """Implements `Index` over a store that clones of the repository share. Safe for threads."""

    def __init__(
        self, path: Path, *, ignore: Sequence[str] = (), timeout: float = 10.0, workers: int | None = None
    ) -> None:
        """Open the store.

        Args:
            path: the database file; its folder is created.
            ignore: globs over whole paths (`*` crosses folders) of files to leave out.
            timeout: seconds that one file may take before its parser is killed.
            workers: parser processes; None means one a core.

        Raises:
            UsageError: the store cannot be written.
        """
        self._store = Store(path)
        self._ignore = re.compile("|".join(fnmatch.translate(glob) for glob in ignore)) if ignore else None
        self._timeout = timeout
        self._workers = workers or os.cpu_count() or 1
        self._lock = threading.RLock()
        self._entries: dict[str, TreeEntry] = {}
        self._corpus: Corpus | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def update(
        self, entries: Sequence[TreeEntry], read_many: ReadMany, progress: Progress | None = None
    ) -> IndexStats:
        """Make the index hold exactly `entries`; only unknown blobs are read and parsed.

        Args:
            entries: the files of a tree. Symlinks, submodules and files over 1 MB are known by path only.
            read_many: yields (blob id, bytes) for blob ids; one that it leaves out is known by path only.
            progress: called with the blobs read so far and their number.
        """
        began = time.monotonic()
        kept = [e for e in entries if not (self._ignore and self._ignore.match(e.path))]
        keys = dict.fromkeys(_key(entry) for entry in kept if _readable(entry))
        unknown = keys.keys() - self._store.known(keys).keys()
        self._add([key for key in keys if key in unknown], read_many, progress)
        with self._lock:
            if self._entries != (tree := {entry.path: entry for entry in kept}):
                self._entries, self._corpus = tree, None
        counts = self._store.known(keys)
        return IndexStats(
            files=len(kept),
            parsed=sum(_key(entry) in unknown for entry in kept if _readable(entry)),
            reused=sum(_key(entry) not in unknown for entry in kept if _readable(entry)),
            symbols=sum(
                counts[_key(entry)][1] for entry in kept if _readable(entry) and _key(entry) in counts
            ),
            seconds=time.monotonic() - began,
        )

    def symbols(self, path: str) -> list[Symbol]:
        """Return a file's definitions in order of position; none for a path that is not in the tree."""
        entry = self._entries.get(path)
        if entry is None or not _readable(entry):
            return []
        return [s for _, text in self._store.symbols([_key(entry)]) for s in decode_symbols(text, path)]

    def outline(self, path: str, data: bytes) -> list[Symbol]:
        """Return the definitions of a text that is in no blob yet, and its imports with the kind `import`."""
        return outline_text(path, data)

    def find(self, name: str) -> list[Symbol]:
        """Return definitions whose name or qualified name is `name`, by path and position."""
        paths = self._current().defining(name)
        return [s for path in paths for s in self.symbols(path) if name in (s.name, s.qualified_name)]

    def look_up(self, name: str) -> SymbolReport:
        """Return the definitions, references and implementations of a name; see `lookup.look_up`."""
        return look_up(self._current(), name, self.symbols, self._links)

    def search(self, query: str, limit: int = 50) -> list[RankedFile]:
        """Return files ranked by relevance to a task, best first, each with its reasons."""
        return search(self._current(), query, limit, self.symbols)

    def dependents(self, paths: Iterable[str]) -> list[str]:
        """Return these files and those that import them, directly or not, in order of path."""
        given = set(paths)
        return sorted(given | self._current().dependents(given))

    def _links(self, paths: Collection[str]) -> Iterator[tuple[str, Links]]:
        """Yield the links of each readable path that is in the tree."""
        entries = [self._entries[path] for path in paths if path in self._entries]
        texts = dict(self._store.links(_key(entry) for entry in entries if _readable(entry)))
        for entry in entries:
            if (text := texts.get(_key(entry))) is not None and _readable(entry):
                yield entry.path, decode_links(text)

    def _current(self) -> Corpus:
        with self._lock:
            if self._corpus is None:
                self._corpus = Corpus(self._entries.values(), dict(self._documents()))
            return self._corpus

    def _documents(self) -> Iterator[tuple[Key, Row]]:
        return self._store.documents(_key(entry) for entry in self._entries.values() if _readable(entry))

    def _add(self, unknown: Sequence[Key], read_many: ReadMany, progress: Progress | None) -> None:
        if not unknown:
            return
        count = 1 if len(unknown) <= _ONE_WORKER else self._workers
        rows: list[tuple[Key, Row]] = []
        with Workers(count, self._timeout) as workers:
            for done, (key, row) in enumerate(workers.map(_read(unknown, read_many)), 1):
                if progress is not None:
                    progress(done, len(unknown))
                if row.state == "unread":
                    continue  # its parser died twice, perhaps for want of memory: try again next time
                rows.append((key, row))
                if len(rows) >= _BATCH:
                    self._store.add(rows)
                    rows = []
        self._store.add(rows)


def _key(entry: TreeEntry) -> Key:
    return entry.blob, language_of(entry.path)


def _readable(entry: TreeEntry) -> bool:
    return entry.mode in _REGULAR and entry.size <= MAX_BYTES


def _read(keys: Sequence[Key], read_many: ReadMany) -> Iterator[tuple[Key, bytes]]:
    languages: dict[str, list[str]] = {}
    for blob, language in keys:
        languages.setdefault(blob, []).append(language or TEXT)
    for blob, data in read_many(list(languages)):
        for language in languages[blob]:
            yield (blob, language), data
