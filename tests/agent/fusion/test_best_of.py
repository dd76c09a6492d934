from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.types import Candidate, FileDelta
from moot.agent.fusion.best_of import Contestant, choose


def contestant(name, verified, passed=1, changed=1, logprob=0.0):
    cases = tuple(TestCase(f"t{number}", "passed") for number in range(passed))
    report = TestReport("pytest", "passed" if verified else "failed", 0, 1.0, cases)
    deltas = (FileDelta("a.py", changed, 0, True, True),)
    return Contestant(Candidate(name, name, "chat", "", logprob, deltas), report, verified)


def test_the_incumbent_stays_when_it_passes():
    verdict = choose([contestant("a", True, changed=9), contestant("b", True)])
    assert verdict.chosen is not None
    assert verdict.chosen.id == "a"
    assert verdict.survivors == 2


def test_the_smallest_survivor_replaces_a_failing_incumbent():
    verdict = choose([contestant("a", False), contestant("b", True, changed=5), contestant("c", True)])
    assert verdict.chosen is not None
    assert verdict.chosen.id == "c"


def test_no_survivor_no_choice():
    assert choose([contestant("a", False), contestant("b", False)]).chosen is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 9), st.floats(-5, 0)), min_size=1))
def test_never_worse_than_the_incumbent(rows):
    contestants = [contestant(str(n), *row) for n, row in enumerate(rows)]
    verdict = choose(contestants)
    if contestants[0].verified:
        assert verdict.chosen == contestants[0].candidate
    if verdict.chosen is not None:
        assert next(c for c in contestants if c.candidate == verdict.chosen).verified
