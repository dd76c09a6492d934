"""Facts about blobs in SQLite: immutable rows that clones and processes share.

A row never changes, so writers that race insert the same thing and readers need no lock. The file is a
cache: one that is damaged is dropped and built again.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from filelock import FileLock

from moot.agent.core.errors import UsageError
from moot.agent.index.facts import EXTRACTOR_VERSION, Row

__all__ = ["Key", "Store"]

Key = tuple[str, str]
"""Blob id and language."""

_BUSY_SECONDS = 60.0
_CHUNK = 400  # keys a query; SQLite's default limit is 999 parameters
_SCHEMA = """
CREATE TABLE IF NOT EXISTS blob (
    sha TEXT NOT NULL, version INTEGER NOT NULL, language TEXT NOT NULL,
    state TEXT NOT NULL, symbol_count INTEGER NOT NULL, length INTEGER NOT NULL, generated INTEGER NOT NULL,
    symbols TEXT NOT NULL, links TEXT NOT NULL, terms TEXT NOT NULL,
    UNIQUE (sha, version, language)
)"""
_COLUMNS = ("state", "symbol_count", "length", "generated", "symbols", "links", "terms")


class Store:
    """The table of facts. Safe for many processes, and for the threads of one."""

    def __init__(self, path: Path) -> None:
        """Open or create the database, readable by its owner only.

        Raises:
            UsageError: the file cannot be written.
        """
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite does not wait for a lock while it switches a new file to WAL, so one process at a time.
            with FileLock(path.with_name(path.name + ".lock"), mode=0o600):
                self._db = _open(path)
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

    def known(self, keys: Iterable[Key]) -> dict[Key, tuple[str, int, bool]]:
        """Return state, number of symbols and the generated mark of those keys that have a row."""
        return {
            key: (state, count, bool(generated))
            for key, (state, count, generated) in self._select(keys, "state, symbol_count, generated")
        }

    def symbols(self, keys: Iterable[Key]) -> Iterator[tuple[Key, str]]:
        """Yield the stored symbols of each known key."""
        return ((key, row[0]) for key, row in self._select(keys, "symbols"))

    def links(self, keys: Iterable[Key]) -> Iterator[tuple[Key, str]]:
        """Yield what each known key says of other blobs, as stored."""
        return ((key, row[0]) for key, row in self._select(keys, "links"))

    def documents(self, keys: Iterable[Key]) -> Iterator[tuple[Key, Row]]:
        """Yield the whole row of each known key."""
        return ((key, Row(*row)) for key, row in self._select(keys, ", ".join(_COLUMNS)))

    def add(self, rows: Sequence[tuple[Key, Row]]) -> None:
        """Insert rows in one transaction; a key that is already there stays as it is."""
        marks = ", ".join("?" * (3 + len(_COLUMNS)))
        values = [(sha, EXTRACTOR_VERSION, language, *row) for (sha, language), row in rows]
        with self._lock, self._transaction():
            self._db.executemany(
                f"INSERT OR IGNORE INTO blob (sha, version, language, {', '.join(_COLUMNS)}) "
                f"VALUES ({marks})",
                values,
            )

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        # IMMEDIATE takes the write lock first: a deferred one may fail half-way instead of waiting.
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            yield

    def _select(self, keys: Iterable[Key], columns: str) -> Iterator[tuple[Key, tuple[Any, ...]]]:
        wanted = set(keys)
        shas = sorted({sha for sha, _ in wanted})
        for start in range(0, len(shas), _CHUNK):
            chunk = shas[start : start + _CHUNK]
            marks = ", ".join("?" * len(chunk))
            with self._lock:
                rows = self._db.execute(
                    f"SELECT sha, language, {columns} FROM blob WHERE version = ? AND sha IN ({marks})",
                    (EXTRACTOR_VERSION, *chunk),
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
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db
