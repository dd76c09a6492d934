"""Quorum, deadline and hedge, without a clock."""

from hypothesis import given
from hypothesis import strategies as st

from moot.agent.fusion.race import Hedge, Patience, Race, Stop, Wait

PATIENCE = Patience(factor=1.25, least=0.0, lonely=4.0, lonely_least=0.0)


def race(*names: str) -> Race:
    return Race(names, PATIENCE)


def test_nothing_ends_before_somebody_answered():
    assert race("a", "b").next(1000.0) == Wait(None)


def test_a_quorum_is_the_first_and_one_more():
    run = race("a", "b", "c")
    run.answered("b", 1.0)
    run.answered("c", 1.2)
    assert not run.quorum
    run.answered("a", 1.3)
    assert run.quorum
    assert run.next(1.3) == Stop()


def test_with_a_quorum_the_rest_has_until_the_median_and_a_quarter():
    run = race("a", "b", "c")
    run.answered("a", 2.0)
    run.answered("b", 4.0)
    assert run.next(3.0) == Wait(3.75 - 3.0)
    assert run.next(3.75) == Stop()


def test_two_answers_of_the_first_are_a_quorum():
    run = race("a", "b")
    run.answered("a", 2.0, answers=2)
    assert run.quorum
    assert run.next(2.0) == Wait(0.5)


def test_a_first_that_failed_gives_its_place_to_the_next():
    run = race("a", "b", "c", "d")
    run.failed("a")
    run.answered("b", 1.0)
    run.answered("c", 1.0)
    assert run.quorum
    assert run.next(1.3) == Stop()


def test_without_a_quorum_one_is_asked_again_and_then_given_up():
    run = race("a", "b")
    run.answered("b", 1.0)
    assert run.next(1.0) == Wait(0.25)
    assert run.next(1.3) == Hedge("a")
    assert run.next(1.3) == Wait(4.0 - 1.3)
    assert run.next(4.0) == Stop()


def test_an_incumbent_that_is_written_in_any_case_is_waited_for_and_never_asked_again():
    run = Race(("own", "sample 1", "quick"), PATIENCE, frozenset({"own", "sample 1"}))
    run.answered("quick", 1.0)
    assert run.next(500.0) == Wait(None)
    run.answered("own", 500.0)
    assert run.next(500.0) == Wait(125.0)  # what begins with its first token has a quarter more than it took
    assert run.next(625.0) == Stop()


def test_who_is_steady_is_not_asked_again_and_is_given_up_like_the_others():
    run = Race(("own", "sample 1", "other"), PATIENCE, frozenset({"sample 1"}))
    run.answered("own", 1.0)
    assert run.next(1.5) == Hedge("other")
    run.failed("other")
    assert run.next(1.5) == Wait(4.0 - 1.5)
    assert run.next(4.0) == Stop()


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.booleans(), st.floats(0.01, 50)), unique_by=lambda each: each[0]
    )
)
def test_every_race_ends_and_hedges_once(reports):
    run, now, hedges = race("a", "b", "c", "d"), 0.0, 0
    for name, fails, at in sorted(reports, key=lambda each: each[2]):
        now = at
        _ = run.failed(name) if fails else run.answered(name, at)
    for _ in range(10):
        move = run.next(now)
        hedges += isinstance(move, Hedge)
        if isinstance(move, Stop) or move == Wait(None):
            break
        now += move.seconds if isinstance(move, Wait) and move.seconds else 0.0
    assert isinstance(move, Stop) or (move == Wait(None) and not any(not fails for _, fails, _ in reports))
    assert hedges <= 1
