"""What a run finds out about an edit beside its size, on real repositories."""

import pytest

from moot.agent.core.types import Candidate
from moot.agent.graph.surroundings import disagreement
from tests.agent.projects import BUGGY, FIX, TEST, Agent, git, make_repository
from tests.scripted import Reply

USER = "from stats import mean\n\nprint(mean([1]))\n"
FILES = {
    "stats.py": BUGGY,
    "test_stats.py": TEST,
    "a.py": USER,
    "b.py": USER,
    "alone.py": "def lonely(x):\n    return 1\n",
}
SIGNATURE = (
    "<<<<<<< SEARCH stats.py\ndef mean(values):\n=======\ndef mean(values, default=None):\n>>>>>>> REPLACE\n"
)
ALONE = "<<<<<<< SEARCH alone.py\n    return 1\n=======\n    return 2\n>>>>>>> REPLACE\n"


@pytest.fixture
def run(tmp_path, serve):
    """Return the risk in the result of a run with answers in turn, the last one for good."""
    repo = make_repository(tmp_path / "repo", FILES)
    (repo / "stats.py").write_text(f"{BUGGY}\n\nMORE = 1\n")
    git(repo, "commit", "-qam", "Fix a missing constant")
    (tmp_path / "home").mkdir()

    def go(*answers: str, options: tuple[str, ...] = ()):
        rest = list(answers)

        def script(_request):
            return Reply(rest.pop(0) if len(rest) > 1 else rest[0])

        outcome = Agent(tmp_path / "home", serve(script, tools=False).base_url).run(
            repo, *options, "--dry-run"
        )
        assert outcome.exit_code == 0, outcome.stderr
        return outcome.result["risk"]

    return go


def test_history_and_use_and_the_public_surface(run):
    risk = run(FIX + SIGNATURE, options=("--no-verify", "--fusion", "never"))
    features = risk["features"]
    assert (features["churn"], features["fixes"]) == (2, 1)
    assert features["fan_in"] == 3  # a.py, b.py and the test
    assert features["uncovered"] is None  # nothing ran
    assert "stats.py changes the signature of mean" in risk["reasons"]
    assert risk["rules"] == ["public-api"]


def test_code_that_no_test_imports(run):
    risk = run(FIX + ALONE, options=("--fusion", "never"))
    assert risk["features"]["uncovered"] == 0.5
    assert risk["features"]["disagreement"] is None  # there was one answer


def candidate(number: int, generator: str = "chat") -> Candidate:
    return Candidate(f"{generator}-{number}", f"{number:040}", generator, "")


@pytest.mark.parametrize(
    ("candidates", "agreeing", "expected"),
    [
        ([candidate(1)], 0, None),
        ([candidate(1)], 2, 0.0),
        ([candidate(1), candidate(2)], 1, 0.5),
        ([candidate(1), candidate(2), candidate(3)], 0, 1.0),
        ([candidate(1, "fim"), candidate(2, "fim")], 0, None),
        ([], 0, None),
    ],
)
def test_samples_that_agree_or_not(candidates, agreeing, expected):
    votes = {one.id: 1 + agreeing * (not place) for place, one in enumerate(candidates)}
    assert disagreement({"candidates": tuple(candidates), "votes": votes}) == expected
