import itertools

from hypothesis import given
from hypothesis import strategies as st

from moot.agent.risk.isotonic import Knots, pool

POINTS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(POINTS, st.lists(st.floats(-1, 2), min_size=2, max_size=20))
def test_the_curve_never_falls_and_stays_within_0_and_1(points, values):
    knots = pool(points)
    heights = [knots.at(value) for value in sorted(values)]
    assert all(low <= high for low, high in itertools.pairwise(heights))
    assert all(0 < height < 1 for height in heights)


@given(POINTS)
def test_no_level_lies_nearer_than_the_pooled_ones(points):
    """The mean of what happened is kept, but for the rarest events, and a constant is never better."""
    knots = pool(points)
    least, mean = 1 / (len(points) + 2), sum(event for _, event in points) / len(points)
    error = sum((knots.at(x) - event) ** 2 for x, event in points)
    constant = sum((mean - event) ** 2 for _, event in points)
    assert error <= constant + 2 * least * len(points) * least + 1e-9


def test_violators_are_pooled():
    knots = pool([(0.1, False), (0.2, True), (0.3, False), (0.4, True)])
    assert knots.x == (0.1, 0.2, 0.3, 0.4)
    assert [round(y, 3) for y in knots.y] == [0.167, 0.5, 0.5, 0.833]


def test_ties_are_one_point():
    assert pool([(0.5, True), (0.5, False)]) == Knots((0.5,), (0.5,))


def test_without_points_a_value_stays_as_it_is():
    assert Knots().at(0.3) == 0.3
