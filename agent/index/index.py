"""The index of one tree: what the store knows of its blobs, and the search over them."""

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from cachetools import LRUCache

from moot.agent.core.errors import UsageError
from moot.agent.core.types import IndexStats, RankedFile, Symbol, TreeEntry
from moot.agent.index.corpus import Corpus, ReadMany
from moot.agent.index.extract import MAX_BYTES
from moot.agent.index.facts import Imports, Links, Outlined, decode_imports, decode_outline
from moot.agent.index.history import History, Past, ReadLog, load_history
from moot.agent.index.ignored import ignoring
from moot.agent.index.languages import TEXT, language_of
from moot.agent.index.lookup import SymbolReport, find, look_up
from moot.agent.index.paths import Paths
from moot.agent.index.reader import Reader
from moot.agent.index.search import Sources, evidence, search
from moot.agent.index.segment import MOST_DOCUMENTS, Builder, Segment
from moot.agent.index.signals import Board
from moot.agent.index.store import Key, Place, Row, Store
from moot.agent.index.texts import Text
from moot.agent.index.workers import Indexed, Job, Workers

__all__ = ["CodeIndex"]

Progress = Callable[[int, int], None]

_REGULAR = ("100644", "100755")
_ONE_WORKER = 50  # unknown blobs up to which a second process costs more than it saves
_MOST_SEGMENTS = 32  # of one tree; the small ones of more are merged
_SMALL = 1000  # documents of a segment that is merged with others: what memory at that goes by
_MOST_TEXTS = 32 << 20  # bytes of texts that are kept
_ATTEMPTS = 5  # at opening segments that others merge meanwhile, and at blobs whose parser had to be ended


class CodeIndex:
    """Implements `Index` over a store that clones of the repository share. Safe for threads."""

    def __init__(
        self,
        path: Path,
        *,
        ignore: Sequence[str] = (),
        timeout: float = 10.0,
        workers: int | None = None,
        warm: bool = False,
    ) -> None:
        """Open the store.

        Args:
            path: the database file; its folder is created.
            ignore: globs of files and folders to leave out; see `ignored.ignoring`.
            timeout: seconds that one file may take before its parser is killed.
            workers: parser processes; None means one a core.
            warm: keep the processes between updates, for a tree that is watched.

        Raises:
            UsageError: the store cannot be written.
        """
        self._store = Store(path)
        self._ignored = ignoring(ignore)
        self._timeout = timeout
        self._count = workers or os.cpu_count() or 1
        self._warm = warm
        self._workers: Workers | None = None
        self._reader = Reader(timeout)
        self._lock = threading.RLock()
        self._entries: dict[str, TreeEntry] = {}
        self._read_many: ReadMany = lambda blobs: ()
        self._places: Mapping[Key, Place] = {}
        self._corpus: Corpus | None = None
        self._paths: Paths | None = None
        self._passing: set[Key] = set()  # added by small updates: perhaps states of files being edited
        self._links_of: dict[Key, Links] = {}
        self._texts: LRUCache[Key, Text] = LRUCache(_MOST_TEXTS, lambda text: text.size)
        self._histories = path.with_name(path.name + ".history")
        self._commit: tuple[str, ReadLog] | None = None
        self._history: History | None = None
        self._past: Past | None = None
        if self._store.empty():
            with contextlib.suppress(UsageError):  # the update says it
                self._start(_ONE_WORKER + 1).start()  # meanwhile the tree is listed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store and end the processes."""
        self._stop()
        self._reader.close()
        with contextlib.suppress(UsageError, OSError):  # the command is done; the next one tries again
            self._store.prune()
        self._store.close()

    def update(
        self, entries: Sequence[TreeEntry], read_many: ReadMany, progress: Progress | None = None
    ) -> IndexStats:
        """Make the index hold exactly `entries`; only unknown blobs are read and parsed.

        Args:
            entries: the files of a tree. Symlinks, submodules and files over 1 MB are known by path only.
            read_many: yields (blob id, bytes) for blob ids, now and when references are looked up; one
                that it leaves out is known by path only.
            progress: called with the blobs read so far and their number.

        Raises:
            UsageError: no parser process can run, or the store cannot be used.
        """
        began = time.monotonic()
        kept = [e for e in entries if not (self._ignored and self._ignored.match(e.path))]
        keys = Counter(_key(entry) for entry in kept if _readable(entry))
        places = {key: place for key in keys if (place := self._places.get(key))}
        places |= self._store.known(keys.keys() - places.keys())
        unknown = [key for key in keys if key not in places]
        self._add(unknown, read_many, progress)
        self._forget_passing(keys, unknown)
        places |= self._store.known(unknown)
        parsed = sum(keys[key] for key in unknown if key in places)
        with self._lock:
            self._read_many = read_many
            self._places = self._merged(places)
            if self._entries != (tree := {entry.path: entry for entry in kept}):
                self._entries, self._corpus, self._past, self._links_of = tree, None, None, {}
        return IndexStats(
            files=len(kept),
            parsed=parsed,
            reused=sum(keys.values()) - sum(keys[key] for key in unknown),
            symbols=sum(place.symbol_count * keys[key] for key, place in places.items()),
            seconds=time.monotonic() - began,
        )

    def remember(self, commit: str, log: ReadLog) -> None:
        """Let searches know the history of the commit that the tree is of.

        Args:
            commit: its full id.
            log: returns so many commits at most, from this one back; asked by the first search, and not
                when this commit's history was read before.
        """
        with self._lock:
            if self._commit is None or self._commit[0] != commit:
                self._commit, self._history, self._past = (commit, log), None, None

    def symbols(self, path: str) -> list[Symbol]:
        """Return a file's definitions in order of position; none for a path that is not in the tree."""
        entry = self._entries.get(path)
        return [each.at(path) for each in self._outline(entry)] if entry is not None else []

    def outline(self, path: str, data: bytes) -> list[Symbol]:
        """Return the definitions of a text that is in no blob yet, and its imports with the kind `import`."""
        return self._reader.outline(path, data)

    def imports(self, path: str, data: bytes) -> list[str]:
        """Return the files of the tree that the imports of this text at this path lead to, by path."""
        corpus, modules = self._current(), self._reader.imports(path, data)
        return sorted({corpus.paths.all[number] for number in corpus.led_to(modules, path)} - {path})

    def find(self, name: str) -> list[Symbol]:
        """Return the definitions of a name, or of what ends with a qualified one; see `look_up`."""
        return find(self._current(), name, self.symbols)

    def referring(self, name: str) -> list[str]:
        """Return the files that hold a name as a word, by path."""
        return self._current().referring(name)

    def look_up(self, name: str) -> SymbolReport:
        """Return the definitions, references and implementations of a name; see `lookup.look_up`."""
        return look_up(self._current(), name, self.symbols, self._links)

    def search(self, query: str, limit: int = 50) -> list[RankedFile]:
        """Return files ranked by relevance to a task, best first, each with its reasons."""
        with self._lock:
            return search(self._current(), query, limit, self._sources(), self._current_past())

    def evidence(self, query: str) -> Board:
        """Return what the ranking of a search goes by, signal by signal."""
        with self._lock:
            return evidence(self._current(), query, self._sources(), self._current_past())[0]

    def dependents(self, paths: Iterable[str]) -> list[str]:
        """Return these files and those that import them, directly or not, in order of path."""
        given = set(paths)
        return sorted(given | self._current().dependents(given))

    # --- the tree ---------------------------------------------------------------------------

    def _current(self) -> Corpus:
        with self._lock:
            if self._corpus is None:
                self._corpus = self._build()
                self._paths = self._corpus.paths
            return self._corpus

    def _sources(self) -> Sources:
        return Sources(self._outline, self._texts_of)

    def _outline(self, entry: TreeEntry) -> list[Outlined]:
        if not _readable(entry):
            return []
        return [each for data in self._symbols_of([_key(entry)]).values() for each in decode_outline(data)]

    def _texts_of(self, entries: Sequence[TreeEntry]) -> dict[str, Text]:
        """Return the words and definitions of files, by path; those read last are kept."""
        keys = dict.fromkeys(map(_key, entries))
        found = {key: text for key in keys if (text := self._texts.get(key)) is not None}
        outlines = self._symbols_of(keys.keys() - found.keys())
        for key, data in _read(list(outlines), self._read_many):
            text = found[key] = Text(data, decode_outline(outlines[key]))
            if text.size <= self._texts.maxsize:
                self._texts[key] = text
        return {entry.path: found[_key(entry)] for entry in entries if _key(entry) in found}

    def _symbols_of(self, keys: Collection[Key]) -> dict[Key, bytes]:
        """Return the stored symbols of keys; a row that another process dropped meanwhile is made again."""
        found = dict(self._store.symbols(keys))
        dropped = [key for key in keys if key not in found and key in self._places]
        if dropped:
            with self._lock:
                self._add(dropped, self._read_many, None)
            found |= self._store.symbols(dropped)
        return found

    def _current_past(self) -> Past | None:
        if self._past is None and self._commit is not None:
            self._history = self._history or load_history(self._histories, *self._commit)
            self._past = Past(self._history, self._current().paths.numbers)
        return self._past

    def _build(self) -> Corpus:
        segments = self._segments()
        places = {key: place for key, place in self._places.items() if place.segment in segments}
        documents = [(e, places.get(_key(e)) if _readable(e) else None) for e in self._entries.values()]
        return Corpus(documents, segments, self._load_imports, self._read_blobs, self._paths)

    def _segments(self) -> dict[str, Segment]:
        """Open the tree's segments; where another process merged or dropped one, look again, parse again."""
        found: dict[str, Segment] = {}
        for _ in range(_ATTEMPTS):
            names = {place.segment for place in self._places.values()}
            found = {name: segment for name in names if (segment := self._store.segment(name)) is not None}
            if len(found) == len(names):
                break
            keys = list(self._places)
            self._places = self._store.known(keys)
            self._add([key for key in keys if key not in self._places], self._read_many, None)
            self._places = self._store.known(keys)
        return found

    def _load_imports(self, entries: Collection[TreeEntry]) -> dict[str, Imports]:
        texts = dict(self._store.imports(map(_key, entries)))
        return {e.path: decode_imports(texts[_key(e)]) for e in entries if _key(e) in texts}

    def _read_blobs(self, blobs: Iterable[str]) -> Iterable[tuple[str, bytes]]:
        return self._read_many(blobs)

    def _links(self, paths: Collection[str]) -> Iterator[tuple[str, Links]]:
        """Yield what each readable file of the tree says of others; parsed now, since few files are asked."""
        entries = [e for path in paths if (e := self._entries.get(path)) and _readable(e)]
        wanted = dict.fromkeys(key for e in entries if (key := _key(e)) not in self._links_of)
        keys, workers = list[Key](), self._start(len(wanted))
        for number, links in enumerate(workers.links(_jobs(_read(list(wanted), self._read_many), keys))):
            self._links_of[keys[number]] = links
        self._rest()
        for entry in entries:
            if (links := self._links_of.get(_key(entry))) is not None:
                yield entry.path, links

    # --- adding -----------------------------------------------------------------------------

    def _add(self, unknown: Sequence[Key], read_many: ReadMany, progress: Progress | None) -> None:
        if not unknown:
            return
        workers = self._start(len(unknown))
        waiting = unknown
        for _ in range(_ATTEMPTS):
            if not waiting:
                break
            waiting = self._add_once(workers, waiting, read_many, progress)
        self._rest()

    def _add_once(
        self, workers: Workers, waiting: Sequence[Key], read_many: ReadMany, progress: Progress | None
    ) -> list[Key]:
        """Store what blobs hold; return those whose words were lost with a process that had to be ended."""
        keys, lost = list[Key](), list[Key]()

        def say(done: int) -> None:
            if progress is not None:
                progress(done, len(waiting))

        for portion in workers.index(_jobs(_read(waiting, read_many), keys), say):
            if portion.segment is None:
                lost += [keys[number] for number in portion.rows]
            else:
                rows = [(keys[number], _row(found)) for number, found in portion.rows.items()]
                self._store.add(portion.segment, rows)
        return lost

    def _forget_passing(self, keys: Collection[Key], added: Sequence[Key]) -> None:
        """Drop the states that files of a watched tree went through while they were edited."""
        if self._warm and len(added) <= _ONE_WORKER:
            self._store.forget(self._passing - set(keys))
            self._passing = (self._passing & set(keys)) | set(added)

    def _merged(self, places: dict[Key, Place]) -> Mapping[Key, Place]:
        """Merge the smallest segments when the tree has too many."""
        sizes = Counter(place.segment for place in places.values())
        if len(sizes) <= _MOST_SEGMENTS:
            return places
        ordered = sorted(sizes.items(), key=lambda item: item[1])[: 1 - _MOST_SEGMENTS // 2]
        small = {name for name, documents in ordered if documents <= _SMALL}
        if len(small) < 2:
            return places
        builder, moved = Builder(), list[tuple[Key, int]]()
        for name in sorted(small):
            segment = self._store.segment(name)
            keys = [key for key, place in places.items() if place.segment == name]
            if segment is not None and builder.documents + len(keys) <= MOST_DOCUMENTS:
                numbers = segment.read_into(builder, [places[key].document for key in keys])
                moved += zip(keys, numbers, strict=True)
        self._store.move(builder.build(), moved, sorted(small))
        return places | self._store.known([key for key, _ in moved])

    def _start(self, blobs: int) -> Workers:
        if self._workers is None:
            self._workers = Workers(1 if blobs <= _ONE_WORKER else self._count, self._timeout)
        return self._workers

    def _rest(self) -> None:
        if not self._warm:
            self._stop()

    def _stop(self) -> None:
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()


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


def _jobs(reading: Iterable[tuple[Key, bytes]], keys: list[Key]) -> Iterator[Job]:
    """Yield blobs, and note their keys."""
    for key, data in reading:
        keys.append(key)
        yield key[1], data


def _row(found: Indexed) -> Row:
    return Row(found.document, found.generated, found.symbol_count, found.imports, found.symbols)
