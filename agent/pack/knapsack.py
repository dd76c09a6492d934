"""Which form of each file to show: a multiple-choice knapsack, solved greedily.

The forms of a file lie on a line of growing cost and value; only those on its upper convex hull can be part
of the best answer to the relaxed problem (Sinha and Zoltners, The Multiple-Choice Knapsack Problem, 1979).
Taking steps along the hulls in order of value per token solves the relaxation exactly; the whole answer is
worse by less than the value of one step, which is little where many files share a budget. What is left of the
budget then goes to forms that fit it.
"""

import heapq
from collections.abc import Sequence

__all__ = ["Choice", "fill"]

Choice = tuple[float, float]
"""Cost and value of one form."""


def fill(items: Sequence[Sequence[Choice]], budget: float) -> list[int | None]:
    """Choose at most one form of each item.

    Args:
        items: the forms of each item, in any order; costs are not negative.
        budget: most that the chosen forms may cost together.

    Returns:
        For each item the place of its chosen form, or None. Deterministic: ties go to the earlier item.
    """
    hulls = [_hull(choices) for choices in items]
    chosen: list[int | None] = [None] * len(items)
    steps: list[tuple[float, int, int]] = []  # minus the value per token, item, place on its hull

    def offer(item: int, place: int) -> None:
        if place < len(hulls[item]):
            cost, value = _step(items[item], hulls[item], place)
            heapq.heappush(steps, (-value / max(cost, 1e-9), item, place))

    for item in range(len(items)):
        offer(item, 0)
    room = budget
    while steps:
        _, item, place = heapq.heappop(steps)
        cost, _ = _step(items[item], hulls[item], place)
        if cost <= room:
            room -= cost
            chosen[item] = hulls[item][place]
            offer(item, place + 1)
    _use_up(items, chosen, room)
    return chosen


def _use_up(items: Sequence[Sequence[Choice]], chosen: list[int | None], room: float) -> None:
    """Give what room is left to the first items that have a better form for it, on the hull or not."""
    for item, choices in enumerate(items):
        before = chosen[item]
        cost, value = choices[before] if before is not None else (0.0, 0.0)
        fitting = [n for n, (more, gain) in enumerate(choices) if more <= cost + room and gain > value]
        if fitting:
            best = max(fitting, key=lambda n: (choices[n][1], -choices[n][0]))
            room -= choices[best][0] - cost
            chosen[item] = best


def _step(choices: Sequence[Choice], hull: Sequence[int], place: int) -> Choice:
    """Return what moving to a place on the hull costs and gives, from the place before it."""
    cost, value = choices[hull[place]]
    before_cost, before_value = choices[hull[place - 1]] if place else (0.0, 0.0)
    return cost - before_cost, value - before_value


def _hull(choices: Sequence[Choice]) -> list[int]:
    """Return the forms on the upper convex hull from (0, 0), the cheapest first."""
    hull: list[int] = []
    for place in sorted(range(len(choices)), key=lambda n: (choices[n][0], -choices[n][1])):
        cost, value = choices[place]
        if value <= (choices[hull[-1]][1] if hull else 0.0):
            continue
        while hull:
            step_cost, step_value = _step(choices, hull, len(hull) - 1)
            before_cost, before_value = (
                choices[hull[-1]][0] - step_cost,
                choices[hull[-1]][1] - step_value,
            )
            if step_value * (cost - before_cost) > (value - before_value) * step_cost:
                break
            hull.pop()
        hull.append(place)
    return hull
