"""Figures of selectors with 95 % intervals, by drawing problems anew (bootstrap, percentiles). Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tests.bench.fusion.replay import Chosen

__all__ = ["Figure", "Tally", "difference", "headroom", "mean", "tally"]

DRAWS = 4000
Values = NDArray[np.float64]


class Sampled(Protocol):
    """One of several answers to a problem."""

    @property
    def id(self) -> str: ...
    @property
    def right(self) -> bool: ...


class Problem(Protocol):
    """A problem with its samples, the incumbent first, and all answers that may be chosen."""

    @property
    def samples(self) -> Sequence[Sampled]: ...
    @property
    def answers(self) -> Sequence[Sampled]: ...


P = TypeVar("P", bound=Problem)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with the ends of its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}]"


@dataclass(frozen=True, slots=True)
class Tally:
    """What a selector did with each problem, as shares where it draws.

    Attributes:
        right: how often its choice is right.
        fixes: how often it is right where the incumbent is wrong; `breaks` the reverse.
    """

    right: Values
    fixes: Values
    breaks: Values


def tally(records: Sequence[P], select: Callable[[P], Chosen]) -> Tally:
    """Run a selector over problems."""
    rows: list[tuple[float, float, float]] = []
    for record in records:
        good = {each.id: each.right for each in record.answers}
        right = sum(share for one, share in select(record).items() if good[one])
        first = record.samples[0].right
        rows.append((right, 0.0 if first else right, 1 - right if first else 0.0))
    values = np.array(rows, dtype=np.float64).reshape(len(rows), 3)
    return Tally(values[:, 0], values[:, 1], values[:, 2])


def mean(values: Values) -> Figure:
    """Return the mean over problems."""
    if not len(values):
        return Figure(float("nan"), float("nan"), float("nan"))
    return _figure(float(values.mean()), values[_draws(len(values))].mean(axis=1))


def difference(one: Values, other: Values) -> Figure:
    """Return the mean of the differences, problem by problem."""
    return mean(one - other)


def headroom(chosen: Values, random: Values, oracle: Values) -> Figure:
    """Return the share of what lies between a random choice and the best one that a selector gets."""
    drawn = _draws(len(chosen))
    gained, most = (chosen - random)[drawn].sum(axis=1), (oracle - random)[drawn].sum(axis=1)
    known = most > 0
    total = float((oracle - random).sum())
    value = float((chosen - random).sum()) / total if total > 0 else float("nan")
    return _figure(value, gained[known] / most[known])


def _draws(count: int) -> NDArray[np.int64]:
    """Return the same draws for all that is compared."""
    return np.random.default_rng(0).integers(0, count, (DRAWS, count))


def _figure(value: float, drawn: Values) -> Figure:
    if not len(drawn):
        return Figure(value, float("nan"), float("nan"))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Figure(value, float(low), float(high))
