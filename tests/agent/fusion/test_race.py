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
