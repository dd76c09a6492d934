"""The logistic model of the probability that a change is wrong, and its reasons in words."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from moot.agent.core.outcomes import Features

__all__ = ["INTERCEPT", "TERMS", "Term", "probability", "reasons", "values"]


@dataclass(frozen=True, slots=True)
class Term:
    """One feature in the model.

    Attributes:
        weight: log odds for one standard deviation above the mean; never negative, so that no reason
            for a doubt lowers the probability.
        mean, scale: of the feature as the model reads it: the logarithm of one more than a count.
        words: the reason for a person; `{}` takes the number.
    """

    name: str
    weight: float
    mean: float
    scale: float
    words: str
    read: Callable[[float], float] = math.log1p
    show: Callable[[float], str] = "{:.0f}".format

    def part(self, features: Features) -> float:
        """Return what the feature adds to the log odds; nothing where it is not known."""
        value = getattr(features, self.name)
        return 0.0 if value is None else self.weight * (self.read(value) - self.mean) / self.scale


def _share(value: float) -> str:
    return f"{value:.0%}"


INTERCEPT = -1.76
TERMS = (
    Term("added", 0.58, 2.47, 1.46, "{} lines added"),
    Term("removed", 0.29, 1.73, 1.31, "{} lines removed"),
    Term("files", 0.0, 1.15, 0.50, "{} files"),
    Term("folders", 0.0, 0.96, 0.31, "{} folders"),
    Term(
        "entropy", 0.0, 0.48, 0.41, "the change is spread evenly ({} of the most there can be)", float, _share
    ),
    Term("churn", 0.0, 3.44, 1.18, "its files were changed {} times before"),
    Term("fixes", 0.03, 1.76, 1.09, "its files were fixed {} times before"),
    Term("fan_in", 0.02, 1.46, 1.25, "{} other files name what it touches"),
    Term("uncovered", 0.30, 0.20, 0.35, "no test is known to reach {} of the added lines", float, _share),
    Term("disagreement", 0.60, 0.60, 0.40, "the samples disagree ({} of the most they can)", float, _share),
)
"""Learned from 1,200 commits of eight libraries (tests/bench/risk_history.py --fit), but for the last two,
which no history tells: those are guesses until outcomes are logged. A weight of 0 says that beside the
lines the feature told nothing there; it is still measured and logged.
"""

_NOTICEABLE = 0.25
"""Log odds from which a feature is a reason: at even odds, six points of probability."""


def probability(features: Features) -> float:
    """Return the probability that a change is wrong, strictly between 0 and 1."""
    odds = INTERCEPT + sum(term.part(features) for term in TERMS)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


def reasons(features: Features) -> Iterator[str]:
    """Yield what raises the probability noticeably, each with its number, the weightiest first."""
    parts = sorted(((term.part(features), term) for term in TERMS), key=lambda pair: -pair[0])
    for part, term in parts:
        if part >= _NOTICEABLE:
            yield term.words.format(term.show(getattr(features, term.name)))


def values(features: Features) -> tuple[float | None, ...]:
    """Return the features as the model reads them, in the order of its terms."""
    known = ((term, getattr(features, term.name)) for term in TERMS)
    return tuple(None if value is None else term.read(value) for term, value in known)
