"""What is kept of the base's tests, and what it depends on."""

import os
import time

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.verification import Baseline
from moot.agent.verify.baselines import Baselines
from moot.agent.verify.environment import Environment
from moot.agent.verify.fingerprint import fingerprint

REPORT = TestReport("pytest", "failed", 1, 1.5, (TestCase("a.py::t", "failed", "no", "a.py", 0.5),))
BASELINE = Baseline(REPORT, "2026-01-02T03:04:05+00:00", ("a.py::t",))


def test_it_comes_back_as_it_was(tmp_path):
    store = Baselines(tmp_path / "kept", ["bubblewrap"])
    key = store.key("tree", "pytest", "print")
    assert store.load(key) is None
    store.save(key, BASELINE)
    assert store.load(key) == BASELINE


def test_everything_is_in_the_key(tmp_path):
    store, other = Baselines(tmp_path, ["bubblewrap"]), Baselines(tmp_path, ["landlock"])
    keys = {
        store.key(*values) for values in (("a", "b", "c"), ("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x"))
    }
    assert len(keys | {other.key("a", "b", "c")}) == 5


def test_the_oldest_go_when_there_is_no_room(tmp_path):
    text = os.urandom(20_000).hex()
    large = Baseline(TestReport("pytest", "passed", 0, 1.0, output=text), "2026-01-02T03:04:05+00:00")
    store = Baselines(tmp_path, [], most_bytes=100_000)
    for number in range(6):
        store.save(f"{number}", large)
        os.utime(tmp_path / f"{number}.json.gz", (time.time() - 60 + number,) * 2)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 100_000
    assert store.load("0") is None
    assert store.load("5") == large


def test_an_old_one_does_not_count(tmp_path):
    store = Baselines(tmp_path, [])
    store.save("key", BASELINE)
    os.utime(tmp_path / "key.json.gz", (time.time() - 31 * 86_400,) * 2)
    assert store.load("key") is None


def test_no_place_to_keep_it_is_no_failure(tmp_path):
    (tmp_path / "file").write_text("")
    Baselines(tmp_path / "file", []).save("key", BASELINE)
    assert Baselines(tmp_path / "file", []).load("key") is None


def test_installing_a_package_changes_the_fingerprint(tmp_path):
    place = tmp_path / "venv" / "lib" / "site-packages"
    place.mkdir(parents=True)
    (place / "a.py").write_text("A = 1\n")
    needed = Environment(read_only=(tmp_path / "venv",))
    first = fingerprint("pytest", needed)
    (place / "__pycache__").mkdir()
    (place / "__pycache__" / "a.pyc").write_bytes(b"byte code")
    assert fingerprint("pytest", needed) == first
    (place / "b.py").write_text("B = 1\n")
    assert fingerprint("pytest", needed) != first


def test_an_upgraded_file_or_another_variable_changes_it(tmp_path):
    file = tmp_path / "venv" / "a.py"
    file.parent.mkdir()
    file.write_text("A = 1\n")
    needed = Environment(read_only=(file.parent,))
    first = fingerprint("pytest", needed)
    assert fingerprint("pytest", needed) == first
    assert fingerprint("pytest", Environment(read_only=(file.parent,), variables={"A": "1"})) != first
    os.utime(file, ns=(1, 1))
    assert fingerprint("pytest", needed) != first
