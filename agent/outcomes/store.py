"""The log of published edits in SQLite: on this machine, readable by its owner alone, sent nowhere.

It is a log and no cache, so a damaged database is put aside under another name, never deleted.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Self

from filelock import FileLock
from pydantic import TypeAdapter

from moot.agent.core.errors import UsageError
from moot.agent.core.outcomes import Fate, Features, Outcome

__all__ = ["FILE", "OutcomeStore"]

FILE = "outcomes.sqlite"
_VERSION = 2
_BUSY_SECONDS = 30.0
_FIELDS = tuple(field.name for field in fields(Outcome))
_SCHEMA = """
CREATE TABLE IF NOT EXISTS outcome (
    run_id TEXT PRIMARY KEY, root TEXT NOT NULL, "commit" TEXT NOT NULL, at INTEGER NOT NULL,
    features TEXT NOT NULL, probability REAL NOT NULL, impact REAL NOT NULL,
    argued INTEGER NOT NULL, mode TEXT NOT NULL, incumbent TEXT NOT NULL, chosen TEXT NOT NULL,
    incumbent_passed INTEGER, chosen_passed INTEGER, candidates INTEGER NOT NULL, survivors INTEGER NOT NULL,
    tokens INTEGER NOT NULL, argued_tokens INTEGER NOT NULL, cost REAL NOT NULL,
    seconds REAL NOT NULL, argued_seconds REAL NOT NULL, futile INTEGER NOT NULL,
    argued_cost REAL NOT NULL DEFAULT 0,
    fate TEXT NOT NULL, fate_at INTEGER NOT NULL, seen TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outcome_fate ON outcome (root, fate);
"""
_FEATURES = TypeAdapter(Features)
_OUTCOME = TypeAdapter(Outcome)
_NAMES = ", ".join(f'"{name}"' for name in _FIELDS)


class OutcomeStore:
    """The table of outcomes. Safe for many processes, and for the threads of one."""

    def __init__(self, path: Path) -> None:
        """Open or create the database.

        Raises:
            UsageError: the file cannot be written.
        """
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite does not wait for a lock while it switches a new file to WAL, so one process at a time.
            with FileLock(path.with_name(path.name + ".lock"), mode=0o600):
                self._db = _open(path)
        except (OSError, sqlite3.OperationalError) as exc:
            raise UsageError(f"the log of outcomes {path} cannot be written: {exc}") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def add(self, outcome: Outcome) -> None:
        """Log an outcome; one of a run that is known stays as it is, so that a resumed run adds none."""
        values = asdict(outcome) | {"features": _FEATURES.dump_json(outcome.features).decode()}
        marks = ", ".join(f":{name}" for name in _FIELDS)
        self._change(f"INSERT OR IGNORE INTO outcome ({_NAMES}) VALUES ({marks})", values)

    def settle(self, run_id: str, fate: Fate, at: int | None = None) -> None:
        """Note what became of an edit, unless that is known; an undo counts also later."""
        open_ones = (
            f"fate IN ('{Fate.OPEN}', '{Fate.KEPT}')" if fate is Fate.UNDONE else f"fate = '{Fate.OPEN}'"
        )
        self._change(
            f"UPDATE outcome SET fate = :fate, fate_at = :at WHERE run_id = :run AND {open_ones}",
            {"fate": fate.value, "at": int(time.time()) if at is None else at, "run": run_id},
        )

    def look(self, run_id: str, head: str) -> None:
        """Note that the history up to a commit says nothing of an edit yet."""
        self._change("UPDATE outcome SET seen = :head WHERE run_id = :run", {"head": head, "run": run_id})

    def open_in(self, root: str, head: str, ripe: int) -> list[Outcome]:
        """Return the edits in a repository whose fate is open and may be known by now.

        Args:
            root: top of the working tree.
            head: those that were looked for at this commit are left out,
            ripe: unless they are not younger than this, in seconds since 1970.
        """
        chosen = "WHERE root = ? AND fate = 'open' AND (seen <> ? OR at <= ?) ORDER BY at"
        return self._read(chosen, (root, head, ripe))

    def all(self, root: str | None = None) -> list[Outcome]:
        """Return every edit, or those in one repository, the oldest first."""
        where, values = ("", ()) if root is None else ("WHERE root = ? ", (root,))
        return self._read(f"{where}ORDER BY at, run_id", values)

    def _change(self, statement: str, values: dict[str, Any]) -> None:
        try:
            with self._lock:
                self._db.execute(statement, values)
        except sqlite3.Error as exc:
            raise UsageError(f"the log of outcomes cannot be written: {exc}") from exc

    def _read(self, rest: str, values: Sequence[str | int]) -> list[Outcome]:
        try:
            with self._lock:
                rows = self._db.execute(f"SELECT {_NAMES} FROM outcome {rest}", values).fetchall()
        except sqlite3.Error as exc:
            raise UsageError(f"the log of outcomes cannot be read: {exc}") from exc
        return [_outcome(row) for row in rows]


def _outcome(row: Sequence[Any]) -> Outcome:
    values = dict(zip(_FIELDS, row, strict=True))
    return _OUTCOME.validate_python(values | {"features": _FEATURES.validate_json(values["features"])})


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        for suffix in ("", "-wal", "-shm"):
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.rename(path.with_name(f"{path.name}.damaged-{int(time.time())}{suffix}"))
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        found = db.execute("PRAGMA user_version").fetchone()[0]
        if found > _VERSION:
            raise sqlite3.OperationalError("it is of a later version of this program")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        columns = {row[1] for row in db.execute("PRAGMA table_info(outcome)")}
        if columns and "argued_cost" not in columns:  # of version 1
            db.execute("ALTER TABLE outcome ADD COLUMN argued_cost REAL NOT NULL DEFAULT 0")
        db.executescript(_SCHEMA)
        db.execute(f"PRAGMA user_version = {_VERSION}")
    except sqlite3.Error:
        db.close()
        raise
    return db
