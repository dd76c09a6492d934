"""Facts about blobs in SQLite, and their words in segments beside it, shared by clones and processes.

A row says what a blob holds and in which segment its words are. Facts never change, so writers that race
insert the same thing and readers need no lock. All of it is a cache: a database that is damaged is dropped,
and the rows of a segment that is missing or damaged are, and built again.
"""

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from filelock import FileLock

from moot.agent.core.errors import UsageError
from moot.agent.index.facts import EXTRACTOR_VERSION
from moot.agent.index.segment import Segment

__all__ = ["Key", "Place", "Row", "Store"]

Key = tuple[str, str]
"""Blob id and language."""

_SCHEMA_VERSION = 3
_BUSY_SECONDS = 60.0
_CHUNK = 10_000  # keys a query; SQLite's limit is 32,766 parameters
_DAY = 86_400
_UNUSED_DAYS = 60  # after which a segment and its rows are dropped
_SCHEMA = """
CREATE TABLE IF NOT EXISTS segment (name TEXT PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blob (
    sha TEXT NOT NULL, language TEXT NOT NULL, version INTEGER NOT NULL,
    segment TEXT NOT NULL, document INTEGER NOT NULL,
    generated INTEGER NOT NULL, symbol_count INTEGER NOT NULL,
    imports TEXT NOT NULL, symbols BLOB NOT NULL,
    UNIQUE (sha, language, version)
);
CREATE INDEX IF NOT EXISTS blob_segment ON blob (segment);
"""


class Place(NamedTuple):
    """Where a blob's words are, and what the ranking asks of it."""

    segment: str
    document: int
    generated: bool
    symbol_count: int


class Row(NamedTuple):
    """What is stored of a blob; `symbols` and `imports` as `facts` encodes them."""

    document: int
    generated: bool
    symbol_count: int
    imports: str
    symbols: bytes


class Store:
    """The table of facts and the segments. Safe for many processes, and for the threads of one."""

    def __init__(self, path: Path) -> None:
        """Open or create the database, readable by its owner only.

        Raises:
            UsageError: the file cannot be written.
        """
        self._lock = threading.Lock()
        self._path = path
        self._folder = path.with_name(path.name + ".segments")
        self._open: dict[str, Segment] = {}
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            # SQLite does not wait for a lock while it switches a new file to WAL, so one process at a time.
            with self._alone():
                self._db = _open(path)
                self._file = path.stat().st_ino
        except (OSError, sqlite3.Error) as exc:
            raise UsageError(
                f"the index cannot be stored in {path} ({exc}): free or choose another data folder"
            ) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def empty(self) -> bool:
        """Tell whether nothing is stored yet."""
        with self._querying():
            return self._db.execute("SELECT 1 FROM segment LIMIT 1").fetchone() is None

    def known(self, keys: Iterable[Key]) -> dict[Key, Place]:
        """Return where those keys are that have a row."""
        columns = "segment, document, generated, symbol_count"
        return {key: Place(*row) for key, row in self._select(keys, columns)}

    def symbols(self, keys: Iterable[Key]) -> Iterator[tuple[Key, bytes]]:
        """Yield the stored symbols of each known key."""
        return ((key, row[0]) for key, row in self._select(keys, "symbols"))

    def imports(self, keys: Iterable[Key]) -> Iterator[tuple[Key, str]]:
        """Yield the stored imports of each known key that has some."""
        return ((key, row[0]) for key, row in self._select(keys, "imports") if row[0])

    def segment(self, name: str) -> Segment | None:
        """Return a segment; where it is missing or damaged, drop its rows and return None."""
        segment = self._open.get(name)
        if segment is None:
            try:
                segment = self._open[name] = Segment.open(self._folder / name)
            except (OSError, ValueError):
                self._drop([name])
                return None
            self._touch(name)
        return segment

    def add(self, data: bytes, rows: Sequence[tuple[Key, Row]]) -> None:
        """Store a segment with the rows of its documents; a key that has a row keeps it."""
        name = self._write(data)
        values = [(sha, language, EXTRACTOR_VERSION, name, *row) for (sha, language), row in rows]
        marks = ", ".join("?" * len(values[0])) if values else ""
        with self._transaction():
            self._db.execute("INSERT INTO segment VALUES (?, ?)", (name, int(time.time())))
            if values:
                self._db.executemany(f"INSERT OR IGNORE INTO blob VALUES ({marks})", values)
        self._drop_empty([name])

    def move(self, data: bytes, documents: Sequence[tuple[Key, int]], old: Sequence[str]) -> None:
        """Store a segment made of others and let these keys point to it; `old` are dropped when empty."""
        name = self._write(data)
        values = [(name, n, sha, language, EXTRACTOR_VERSION) for (sha, language), n in documents]
        with self._transaction():
            self._db.execute("INSERT INTO segment VALUES (?, ?)", (name, int(time.time())))
            self._db.executemany(
                "UPDATE blob SET segment = ?, document = ? WHERE sha = ? AND language = ? AND version = ?",
                values,
            )
        self._drop_empty([name, *old])

    def forget(self, keys: Iterable[Key]) -> None:
        """Drop rows: of texts that were passing states of a file that is being edited."""
        values = [(sha, language, EXTRACTOR_VERSION) for sha, language in keys]
        if not values:
            return
        names = {
            place.segment for place in self.known((sha, language) for sha, language, _ in values).values()
        }
        with self._transaction():
            self._db.executemany("DELETE FROM blob WHERE sha = ? AND language = ? AND version = ?", values)
        self._drop_empty(sorted(names))

    def prune(self) -> None:
        """Drop what has not been used for two months, and files that a killed process left.

        Raises:
            UsageError: the store cannot be used now.
        """
        now = int(time.time())
        with self._querying():
            used = dict(self._db.execute("SELECT name, used FROM segment").fetchall())
        self._drop([name for name, last in used.items() if last < now - _UNUSED_DAYS * _DAY])
        for file in self._folder.iterdir():
            with contextlib.suppress(OSError):  # another process renamed or dropped it meanwhile
                if file.name not in used and file.stat().st_mtime < now - _DAY:
                    file.unlink()

    def _write(self, data: bytes) -> str:
        name = secrets.token_hex(8)
        part = self._folder / f"{name}.part"
        try:
            with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
            part.rename(self._folder / name)
        except OSError as exc:
            with contextlib.suppress(OSError):
                part.unlink()
            raise self._unusable(exc) from exc
        return name

    def _touch(self, name: str) -> None:
        now = int(time.time())
        with self._transaction():
            self._db.execute(
                "UPDATE segment SET used = ? WHERE name = ? AND used < ?", (now, name, now - _DAY)
            )

    def _drop_empty(self, names: Sequence[str]) -> None:
        with self._querying():
            full = {
                name
                for name in names
                if self._db.execute("SELECT 1 FROM blob WHERE segment = ? LIMIT 1", (name,)).fetchone()
            }
        self._drop([name for name in names if name not in full])

    def _drop(self, names: Sequence[str]) -> None:
        if not names:
            return
        with self._transaction():
            self._db.executemany("DELETE FROM blob WHERE segment = ?", [(name,) for name in names])
            self._db.executemany("DELETE FROM segment WHERE name = ?", [(name,) for name in names])
        for name in names:
            self._open.pop(name, None)  # who still reads it has it mapped
            with contextlib.suppress(OSError):  # `prune` tries again
                (self._folder / name).unlink()

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        # IMMEDIATE takes the write lock first: a deferred one may fail half-way instead of waiting.
        with self._querying():
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield

    @contextlib.contextmanager
    def _querying(self) -> Generator[None]:
        """Hold the database for this thread; where it turns out to be damaged, drop it.

        Raises:
            UsageError: it is locked, read-only or full; or it was damaged: what the caller knows of its rows
                is void then, so it has to begin anew.
        """
        with self._lock:
            try:
                yield
            except sqlite3.OperationalError as exc:
                raise self._unusable(exc) from exc
            except sqlite3.DatabaseError as exc:
                if type(exc) is not sqlite3.DatabaseError:  # its subclasses tell of mistakes
                    raise
                self._drop_damaged()
                raise UsageError("the index was damaged and is dropped: run this again") from exc

    def _unusable(self, exc: Exception) -> UsageError:
        return UsageError(
            f"the index in {self._path} cannot be used ({exc}): free space there, or end the other command, "
            "and run this again"
        )

    def _drop_damaged(self) -> None:
        with self._alone():
            self._db.close()
            # Another process may have replaced it already.
            with contextlib.suppress(FileNotFoundError):
                if self._path.stat().st_ino == self._file:
                    _delete(self._path)
            self._db = _open(self._path)
            self._file = self._path.stat().st_ino

    def _alone(self) -> FileLock:
        return FileLock(self._path.with_name(self._path.name + ".lock"), mode=0o600)

    def _select(self, keys: Iterable[Key], columns: str) -> Iterator[tuple[Key, tuple[Any, ...]]]:
        wanted = set(keys)
        shas = sorted({sha for sha, _ in wanted})
        for start in range(0, len(shas), _CHUNK):
            chunk = shas[start : start + _CHUNK]
            marks = ", ".join("?" * len(chunk))
            with self._querying():
                rows = self._db.execute(
                    f"SELECT sha, language, {columns} FROM blob WHERE sha IN ({marks}) AND version = ?",
                    (*chunk, EXTRACTOR_VERSION),
                ).fetchall()
            for sha, language, *values in rows:
                if (sha, language) in wanted:
                    yield (sha, language), tuple(values)


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        _delete(path)
        return _connect(path)


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        found = db.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, _SCHEMA_VERSION) or (
            found == 0 and db.execute("SELECT 1 FROM sqlite_master").fetchone()
        ):
            raise sqlite3.DatabaseError("of another version")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_SCHEMA)
        db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
    except sqlite3.Error:
        db.close()
        raise
    return db
