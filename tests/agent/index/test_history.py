"""What past commits say: read once, kept, bound to a tree, and never a reason to fail."""

import numpy as np
import pytest

from moot.agent.core.types import PartialLog, PastCommit
from moot.agent.index.history import History, Past, load_history
from moot.agent.index.index import CodeIndex
from tests.agent.index.tree import tree

FILES = {
    "shop/cart.py": "class Cart:\n    def total(self): return 0\n",
    "shop/mail.py": "class Mailer:\n    def send(self): pass\n",
    "shop/tax.py": "RATE = 1\n",
}
DAY = 86_400
COMMITS = [
    PastCommit(9 * DAY, "Round totals half up\n\nReviewed-by: receipts", ("shop/cart.py", "shop/tax.py")),
    PastCommit(8 * DAY, "Send receipts once", ("shop/mail.py", "gone.py")),
    PastCommit(7 * DAY, "Parse everything anew", tuple(f"shop/file{n}.py" for n in range(200))),
    PastCommit(6 * DAY, "Rounding of the cart", ("shop/cart.py", "shop/tax.py")),
    PastCommit(5 * DAY, "", ()),
]


@pytest.fixture
def past():
    return Past(History.of(COMMITS), {path: number for number, path in enumerate(sorted(FILES))})


def test_a_message_like_the_task_speaks_for_what_its_commit_changed(past):
    best, total = past.similar(past.likeness({"receipt": ["receipts"], "mail": []}))
    assert best.argmax() == total.argmax() == 1
    assert best[0] == 0  # a trailer says nothing


def test_touches_are_counted_and_dated(past):
    often, last = past.touches()
    assert often[0] == often[2] == 1.0
    assert often[1] < 1
    assert last[0] > last[1] > 0


def test_what_changes_together(past):
    together = past.together(0)
    assert together.argmax() == 2
    assert together[0] == together[1] == 0


@pytest.mark.parametrize("commits", [[], [PastCommit(1, "only a sweep", tuple(map(str, range(99))))]])
def test_no_history_says_nothing(commits):
    past = Past(History.of(commits), {"a.py": 0, "b.py": 1})
    assert not past.likeness({"sweep": []}).any()
    assert not past.touches()[0].any()
    assert not past.together(1).any()


def test_paths_and_messages_may_hold_anything(past):
    odd = [PastCommit(-5, "\ud800 \0 \x01", ("a\udcff\n.py",)), PastCommit(1 << 40, "x" * 10_000, ("b.py",))]
    history = History.of(odd)
    assert history.paths == ["a\udcff\n.py", "b.py"]
    assert Past(history, {"a\udcff\n.py": 0}).touches()[0][0] == 1


def test_a_history_is_read_from_git_once(tmp_path):
    asked: list[int] = []

    def log(limit: int) -> list[PastCommit]:
        asked.append(limit)
        return COMMITS

    first = load_history(tmp_path / "h", "a" * 40, log)
    second = load_history(tmp_path / "h", "a" * 40, log)
    assert len(asked) == 1
    assert second.paths == first.paths
    assert np.array_equal(second.files, first.files)
    assert [file.stat().st_mode & 0o777 for file in (tmp_path / "h").iterdir()] == [0o600]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a zip", None])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    load_history(tmp_path, "a" * 40, lambda limit: COMMITS)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-40] if damage is None else damage)
    assert load_history(tmp_path, "a" * 40, lambda limit: COMMITS[:2]).paths[0] == "shop/cart.py"


def test_arrays_that_do_not_fit_together_are_made_again(tmp_path):
    load_history(tmp_path, "a" * 40, lambda limit: COMMITS)
    (file,) = tmp_path.iterdir()
    with np.load(file) as stored:
        arrays = dict(stored)
    arrays["files"] = arrays["files"] + 1000
    np.savez(file, **arrays)
    assert max(load_history(tmp_path, "a" * 40, lambda limit: COMMITS).files) < 1000


def test_only_the_latest_are_kept(tmp_path):
    for number in range(40):
        load_history(tmp_path, f"{number:040x}", lambda limit: COMMITS)
    assert len(list(tmp_path.iterdir())) == 32


@pytest.mark.parametrize("log", [[], PartialLog(COMMITS)])
def test_what_another_clone_knows_better_is_not_kept(tmp_path, log):
    assert len(load_history(tmp_path, "a" * 40, lambda limit: log).paths) == (4 if log else 0)
    assert list(tmp_path.iterdir()) == []
    assert load_history(tmp_path, "a" * 40, lambda limit: COMMITS).paths[0] == "shop/cart.py"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_search_knows_the_history(tmp_path):
    files = tree(FILES)
    with CodeIndex(tmp_path / "i.db", workers=1) as index:
        index.update(files.entries, files.read_many)
        assert index.search("receipts") == []
        index.remember("b" * 40, lambda limit: COMMITS)
        assert [file.path for file in index.search("receipts")] == ["shop/mail.py"]
        found = {file.path: file for file in index.search("rounding is wrong")}
        assert "a commit with a like message changed it" in found["shop/cart.py"].reasons
        assert "often changed with shop/cart.py" in found["shop/tax.py"].reasons
