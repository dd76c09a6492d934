import multiprocessing
import sqlite3

import pytest

from moot.agent.core.errors import UsageError
from moot.agent.core.outcomes import Fate
from moot.agent.outcomes.store import FILE, OutcomeStore
from tests.agent.outcomes.logged import NOW, outcome


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / FILE


def add_many(path, name):
    with OutcomeStore(path) as store:
        for number in range(25):
            store.add(outcome(f"{name}-{number}"))
            store.settle(f"{name}-{number}", Fate.KEPT, NOW)


def test_what_is_added_comes_back_whole(path):
    whole = outcome("a", argued=True, incumbent_passed=False, chosen_passed=True, candidates=3, tokens=900)
    with OutcomeStore(path) as store:
        store.add(whole)
        store.add(outcome("b", root="/other"))
    with OutcomeStore(path) as store:
        assert store.all("/repo") == [whole]
        assert len(store.all()) == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_run_that_is_logged_again_stays_as_it_was(path):
    with OutcomeStore(path) as store:
        store.add(outcome())
        store.settle("run", Fate.REVERTED, 5)
        store.add(outcome(probability=0.9))
        (one,) = store.all()
    assert (one.probability, one.fate, one.fate_at) == (0.2, Fate.REVERTED, 5)


def test_a_fate_is_final_but_a_kept_edit_can_be_undone(path):
    with OutcomeStore(path) as store:
        for run_id, first in (("a", Fate.KEPT), ("b", Fate.REVERTED), ("c", Fate.OPEN)):
            store.add(outcome(run_id))
            store.settle(run_id, first, 1)
            store.settle(run_id, Fate.FIXED, 2)
            store.settle(run_id, Fate.UNDONE, 3)
        assert [one.fate for one in store.all()] == [Fate.UNDONE, Fate.REVERTED, Fate.FIXED]


def test_an_edit_is_looked_at_once_for_each_head_until_it_is_ripe(path):
    with OutcomeStore(path) as store:
        store.add(outcome(at=NOW))
        assert len(store.open_in("/repo", "head", NOW - 1)) == 1
        store.look("run", "head")
        assert store.open_in("/repo", "head", NOW - 1) == []
        assert len(store.open_in("/repo", "another", NOW - 1)) == 1
        assert len(store.open_in("/repo", "head", NOW)) == 1
        assert store.open_in("/elsewhere", "another", NOW) == []


def test_many_processes_write_at_once(path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=add_many, args=(path, name)) for name in "abc"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
        assert worker.exitcode == 0
    with OutcomeStore(path) as store:
        assert sum(one.fate is Fate.KEPT for one in store.all()) == 75


def test_a_damaged_log_is_put_aside_not_deleted(path):
    path.parent.mkdir()
    path.write_bytes(b"no database " * 1000)
    with OutcomeStore(path) as store:
        store.add(outcome())
    (kept,) = (file for file in path.parent.iterdir() if "damaged" in file.name)
    assert kept.read_bytes().startswith(b"no database")


def test_a_log_of_the_first_version_is_read_on(path):
    with OutcomeStore(path) as store:
        store.add(outcome(argued_cost=0.5))
    db = sqlite3.connect(path)
    db.execute("ALTER TABLE outcome DROP COLUMN argued_cost")
    db.execute("PRAGMA user_version = 1")
    db.close()
    with OutcomeStore(path) as store:
        store.add(outcome("next", argued_cost=0.25))
        assert {one.run_id: one.argued_cost for one in store.all()} == {"run": 0.0, "next": 0.25}


def test_a_log_of_a_later_version_is_left_alone(path):
    OutcomeStore(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UsageError, match="later version"):
        OutcomeStore(path)
