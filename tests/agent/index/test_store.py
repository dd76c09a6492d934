"""The store drops what is damaged, and minds that other processes use it, too."""

import os
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
