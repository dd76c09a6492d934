"""The greedy knapsack: never over the budget, and never much worse than the best."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from moot.agent.pack.knapsack import Choice, fill

choices = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 50)), max_size=4)


def worth(items: list[list[Choice]], chosen: list[int | None]) -> Choice:
    taken = [item[place] for item, place in zip(items, chosen, strict=True) if place is not None]
    return sum(cost for cost, _ in taken), sum(value for _, value in taken)


def best(items: list[list[Choice]], budget: float) -> float:
    ways = product(*([None, *range(len(item))] for item in items))
    return max(value for cost, value in (worth(items, list(way)) for way in ways) if cost <= budget)


@given(items=st.lists(choices, max_size=5), budget=st.integers(0, 80))
def test_within_one_step_of_the_best(items, budget):
    chosen = fill(items, budget)
    cost, value = worth(items, chosen)
    assert cost <= budget
    step = max((value for item in items for _, value in item), default=0)
    assert value >= best(items, budget) - step


def test_the_form_with_most_for_its_cost_comes_first_and_grows_while_there_is_room():
    file = [(1.0, 5.0), (10.0, 30.0), (100.0, 100.0)]
    assert fill([file], 5) == [0]
    assert fill([file], 50) == [1]
    assert fill([file], 100) == [2]


def test_a_form_that_is_dominated_is_never_chosen():
    assert fill([[(10.0, 1.0), (5.0, 2.0)]], 100) == [1]
    assert fill([[(1.0, 0.0)]], 100) == [None]


def test_of_equals_the_earlier_item_is_chosen():
    assert fill([[(10.0, 5.0)], [(10.0, 5.0)]], 15) == [0, None]


def test_a_form_off_the_hull_takes_what_room_is_left():
    forms = [(1.0, 1.0), (2.0, 9.0), (9.0, 10.0)]
    assert fill([forms], 1) == [0]
    assert fill([[(4.0, 40.0)], [(2.0, 5.0), (1.0, 0.1)]], 5) == [0, 1]
