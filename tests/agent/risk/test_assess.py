from dataclasses import replace

import pytest

from moot.agent.core.types import FileDelta
from moot.agent.core.verification import IntegrityFlag
from moot.agent.risk.assess import assess


def delta(path="src/shapes.py", added=1, removed=1, existed=True, exists=True):
    return FileDelta(path, added, removed, existed, exists)


def test_a_one_line_fix_is_low():
    risk = assess([delta()])
    assert not risk.high
    assert risk.reasons == ("2 changed lines in 1 file",)


def test_probability_grows_with_size_and_spread():
    small, large = assess([delta()]), assess([delta(added=80)])
    spread = assess([delta(), delta("other/x.py")])
    assert small.probability < large.probability
    assert small.probability < spread.probability
    assert large.high


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (delta(".github/workflows/ci.yml"), "CI"),
        (delta("db/migrations/0002.py"), "migration"),
        (delta("app/auth/login.py"), "security"),
        (delta("pyproject.toml"), "dependencies"),
        (delta(exists=False), "is deleted"),
    ],
)
def test_what_always_needs_an_argument(change, reason):
    risk = assess([change])
    assert risk.high
    assert any(reason in text for text in risk.reasons)


def test_adding_a_test_is_no_reason():
    assert not assess([delta("tests/test_x.py", added=5, removed=0)]).high


def test_changed_lines_of_a_test_are_named():
    risk = assess([delta("tests/test_x.py", added=0, removed=3)])
    assert "3 lines of the test tests/test_x.py are removed or changed" in risk.reasons


def test_a_flag_makes_any_edit_risky_unless_it_was_asked_for():
    flag = IntegrityFlag("tests/test_x.py", 4, "weakened", "test_x no longer asserts `f() == 2`")
    changes = [delta("tests/test_x.py")]
    risk = assess(changes, [flag])
    assert risk.high
    assert "tests/test_x.py:4: test_x no longer asserts `f() == 2`" in risk.reasons
    assert not assess(changes, [replace(flag, asked=True)]).high


def test_ci_that_the_task_asks_for_is_not_asked_about_again():
    flag = IntegrityFlag(".github/workflows/ci.yml", 1, "ci", "CI settings are changed", asked=True)
    assert assess([delta(flag.path)]).high
    assert not assess([delta(flag.path)], [flag]).high
