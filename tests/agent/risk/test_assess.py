import pytest

from moot.agent.core.types import FileDelta
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
        (delta("tests/test_x.py", added=0, removed=3), "are removed or changed"),
        (delta(exists=False), "is deleted"),
    ],
)
def test_what_always_needs_an_argument(change, reason):
    risk = assess([change])
    assert risk.high
    assert any(reason in text for text in risk.reasons)


def test_adding_a_test_is_no_reason():
    assert not assess([delta("tests/test_x.py", added=5, removed=0)]).high
