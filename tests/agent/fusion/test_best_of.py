from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.types import Candidate, FileDelta
from moot.agent.core.verification import TestDelta
from moot.agent.fusion.best_of import Contestant, choose


def contestant(name, verified, passed=1, changed=1, logprob=0.0):
    cases = tuple(TestCase(f"t{number}", "passed" if number < passed else "failed") for number in range(3))
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


def test_the_largest_cluster_replaces_a_failing_incumbent_however_likely_another_is():
    survivors = [contestant("b", True, logprob=-0.1), contestant("c", True, changed=9, logprob=-2.0)]
    verdict = choose([contestant("a", False), *survivors], {}, {"b": 1, "c": 2})
    assert verdict.chosen is not None
    assert verdict.chosen.id == "c"


def test_no_survivor_no_choice():
    assert choose([contestant("a", False), contestant("b", False)]).chosen is None


def test_a_challenger_that_fixes_more_replaces_the_incumbent_and_one_that_fixes_less_never_does():
    half, whole = contestant("half", True, passed=1), contestant("whole", True, passed=2)
    assert choose([half, whole]).chosen == whole.candidate
    assert choose([whole, half], {"whole": 9}).chosen == whole.candidate
    assert "fewer tests" in choose([half, whole]).reason


def test_tests_that_a_candidate_brings_do_not_make_it_better():
    first, other = contestant("first", True), contestant("other", True)
    own = replace(other.report, cases=(*other.report.cases, TestCase("test_mine", "passed")))
    assert choose([first, replace(other, report=own)]).chosen == first.candidate


def test_luck_with_a_flaky_test_does_not_count():
    first, other = contestant("first", True, passed=1), contestant("other", True, passed=2)
    assert choose([replace(first, delta=TestDelta(flaky=("t1",))), other]).chosen == first.candidate
    lucky = replace(first, delta=TestDelta(flaky=("t0",)), report=contestant("", True, passed=0).report)
    worse = replace(first, demerits=("long line",))
    assert choose([worse, lucky]).chosen == lucky.candidate


def test_a_challenger_has_no_demerit_of_its_own():
    first = replace(contestant("first", True), demerits=("long line",))
    other = replace(contestant("other", True), demerits=("long line", "an assertion is gone"))
    assert choose([first, other], {"first": 1}).chosen == first.candidate


ROWS = st.tuples(
    st.booleans(), st.sets(st.integers(0, 4)), st.lists(st.sampled_from(["x", "y"])), st.integers(0, 3)
)


@given(st.lists(ROWS, min_size=1, max_size=5))
def test_never_worse_than_the_incumbent(rows):
    contestants = list[Contestant]()
    for number, (verified, passed, demerits, _) in enumerate(rows):
        one = contestant(str(number), verified)
        cases = tuple(TestCase(f"t{each}", "passed" if each in passed else "failed") for each in range(5))
        contestants.append(replace(one, report=replace(one.report, cases=cases), demerits=tuple(demerits)))
    first = contestants[0]
    verdict = choose(contestants, {str(number): row[3] for number, row in enumerate(rows)})
    if verdict.chosen is None:
        assert not any(one.verified for one in contestants)
        return
    chosen = next(one for one in contestants if one.candidate == verdict.chosen)
    assert chosen.verified
    if first.verified:
        assert chosen.report.passed >= first.report.passed
        assert set(chosen.demerits) <= set(first.demerits)
