"""The store drops what is damaged, and minds that other processes use it, too."""

import os
import resource
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from moot.agent.core.errors import UsageError
from moot.agent.index.index import CodeIndex
from moot.agent.index.store import Row, Store
from tests.agent.index.tree import tree

FILES = tree({f"m{n}.py": f"class K{n}:\n    def f{n}(self, a): return a\n" for n in range(300)})
PAGE = 4096
ROW = Row(0, False, 1, "[]", b"[]")


def build(path: Path) -> None:
    with CodeIndex(path, workers=1) as index:
        assert index.update(FILES.entries, FILES.read_many).symbols == 600


def damage(path: Path) -> None:
    """Overwrite all but the first pages, which are read when the database is opened."""
    whole = path.read_bytes()
    assert len(whole) > 8 * PAGE
    path.write_bytes(whole[: 4 * PAGE] + b"\xff" * (len(whole) - 4 * PAGE))


def test_a_database_that_is_damaged_behind_its_first_pages_is_built_again(tmp_path):
    path = tmp_path / "i.db"
    build(path)
    damage(path)
    with pytest.raises(UsageError, match="the index was damaged and is dropped: run this again"):
        build(path)
    build(path)


def test_damage_that_is_found_while_something_is_stored(tmp_path):
    path = tmp_path / "i.db"
    build(path)
    damage(path)
    with Store(path) as store:
        with pytest.raises(UsageError, match="damaged"):
            store.add(b"words", [((f"{n:040x}", "python"), ROW) for n in range(500)])
        store.add(b"words", [(("a" * 40, "python"), ROW)])
        assert set(store.known([("a" * 40, "python")])) == {("a" * 40, "python")}


def test_what_another_process_has_replaced_is_not_dropped_again(tmp_path):
    path = tmp_path / "i.db"
    build(path)
    damage(path)
    first, second = Store(path), Store(path)
    keys = [(entry.blob, "python") for entry in FILES.entries]
    with first, second:
        with pytest.raises(UsageError, match="damaged"):
            first.known(keys)
        replaced = path.stat().st_ino
        with pytest.raises(UsageError, match="damaged"):
            second.known(keys)
        assert path.stat().st_ino == replaced
        assert first.known(keys) == second.known(keys) == {}


@contextmanager
def full_disk() -> Generator[None]:
    """Let no file of this process grow beyond a page."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (PAGE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the lock of a database as another command does."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def test_a_full_disk_is_told_in_a_sentence(tmp_path):
    rows = [((f"{n:040x}", "python"), ROW) for n in range(500)]
    with Store(tmp_path / "i.db") as store:
        for data in (b"words", b"words" * PAGE):  # it is the database that is full, or the segment
            with full_disk(), pytest.raises(UsageError, match=r"i\.db cannot be used \(.*: free space there"):
                store.add(data, rows)
        assert store.known(key for key, _ in rows) == {}
        assert not [file for file in (tmp_path / "i.db.segments").iterdir() if file.suffix == ".part"]
        store.add(b"words", rows)
        assert len(store.known(key for key, _ in rows)) == 500


def test_a_database_that_stays_locked_is_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("moot.agent.index.store._BUSY_SECONDS", 0.1)
    told = pytest.raises(UsageError, match=r"database is locked\): .* end the other command")
    with Store(tmp_path / "i.db") as store, locked(tmp_path / "i.db"), told:
        store.add(b"words", [(("a" * 40, "python"), ROW)])


def test_what_cannot_be_dropped_when_a_command_is_done_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr("moot.agent.index.store._BUSY_SECONDS", 0.1)
    path = tmp_path / "i.db"
    build(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE segment SET used = 0")
    index = CodeIndex(path, workers=1)
    with locked(path):
        index.close()
    with Store(path) as store:
        assert not store.empty()
        store.prune()
        assert store.empty()


def test_files_that_vanish_while_old_ones_are_dropped(tmp_path, monkeypatch):
    with Store(tmp_path / "i.db") as store:
        folder = tmp_path / "i.db.segments"
        for name in ("old", "older.part"):
            (folder / name).write_bytes(b"")
            os.utime(folder / name, (0, 0))
        there = list(folder.iterdir())
        gone = folder / "gone.part"
        monkeypatch.setattr(Path, "iterdir", lambda self: iter([gone, *there, gone]))
        store.prune()
        assert not any(file.exists() for file in there)
