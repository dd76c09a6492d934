"""Which of the failing tests a task is about."""

import pytest

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.types import Task
from moot.agent.graph.failures import named, wanted
from tests.agent.projects import PYTEST, Agent, make_repository
from tests.scripted import Reply

FAILED = (
    "test_a.py::test_total[1]",
    "test_a.py::test_total[2]",
    "a.test.js > sums > adds two numbers",
    "t::x::tiny",
)
SHOP = "def total(prices):\n    return 0\n\n\ndef label(price):\n    return 0\n"
TESTS = """\
from shop import label, total


def test_total():
    assert total([1, 2]) == 3


def test_label():
    assert label(1) == "1"


def test_nothing():
    assert total([]) == 0
"""


def edit(old: str, new: str) -> str:
    return f"<<<<<<< SEARCH shop.py\n{old}\n    return 0\n=======\n{old}\n    return {new}\n>>>>>>> REPLACE\n"


def state(text):
    report = TestReport("pytest", "failed", 1, 0.1, tuple(TestCase(name, "failed") for name in FAILED))
    return {"task": Task(text), "before": report}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mend test_a.py::test_total[1.5]", set(FAILED[:2])),
        ("`test_total` fails", set(FAILED[:2])),
        ("adds two numbers fails", {FAILED[2]}),
        ("it is tiny", set()),
        ("t::x::tiny fails", {FAILED[3]}),
        ("test_mean and TestTotal fail", set(FAILED[4:])),
        ("see test_totals and my_test_total", set()),
    ],
)
def test_tests_are_named_by_their_ids_or_their_own_names(text, expected):
    assert named(state(text)) == expected
    assert wanted(state(text)) == (expected or set(FAILED))


def test_only_what_repairs_the_named_test_is_published(tmp_path, serve):
    """The first edit mends another failing test and breaks none; the second one what was asked for."""
    repo = make_repository(tmp_path / "repo", {"shop.py": SHOP, "test_shop.py": TESTS})
    (tmp_path / "home").mkdir()
    other, right = edit("def label(price):", "str(price)"), edit("def total(prices):", "sum(prices)")
    server = serve(lambda request: Reply(right if len(request.body["messages"]) > 2 else other), tools=False)
    agent = Agent(tmp_path / "home", server.base_url)
    outcome = agent.run(repo, "--no-lint", task="test_total fails: mend it", test=PYTEST)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["tests"]["fixed"] == ["test_shop.py::test_total"]
    assert outcome.result["tests"]["still_failing"] == ["test_shop.py::test_label"]
    assert len(server.calls) > 1
    assert outcome.stderr == ""
