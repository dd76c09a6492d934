import pytest

from moot.agent.core.types import PastCommit
from moot.agent.risk.past import file_history, is_fix, is_revert


@pytest.mark.parametrize(
    "message",
    ["Fix the mean of nothing", "fixed #12: crash", "Bugfix: overflow", "Repair the parser", "bug 3"],
)
def test_fixes(message):
    assert is_fix(message)


@pytest.mark.parametrize(
    "message",
    [
        "Fix typo",
        "docs: fix a link",
        "Add a prefix",
        "Add fixtures",
        "test: fix the suite",
        "Say more\n\nfixes #2",
    ],
)
def test_no_fixes(message):
    assert not is_fix(message)


def test_reverts():
    assert is_revert('Revert "Add x"')
    assert is_revert("Back out the new parser")
    assert not is_revert("Add the reverse of a list")


def test_history_counts_by_file_and_leaves_sweeps_out():
    sweep = PastCommit(3, "Fix everything", tuple(f"f{number}.py" for number in range(40)))
    history = file_history(
        [sweep, PastCommit(2, "Fix a", ("a.py", "f1.py")), PastCommit(1, "Add a and b", ("a.py", "b.py"))]
    )
    assert history.of(["a.py"]) == (2, 1)
    assert history.of(["a.py", "b.py"]) == (1.5, 0.5)
    assert history.of(["f2.py"]) == (0, 0)
    assert history.of([]) == (0, 0)
