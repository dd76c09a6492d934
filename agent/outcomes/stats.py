"""What the log says of arguing: how often, what it mended and spoiled, what it cost; with intervals."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from moot.agent.core.outcomes import Fate, Outcome

__all__ = ["Bin", "Share", "Stats", "reliability", "stats", "wilson"]

_BINS = 10


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the 95 % interval; None where there is nothing to count."""

    count: int
    of: int
    low: float | None = None
    high: float | None = None

    @property
    def value(self) -> float | None:
        """The share itself."""
        return self.count / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Edits whose probability lies from `low` to `high`, its mean, and how many were wrong."""

    low: float
    high: float
    predicted: float
    wrong: Share


@dataclass(frozen=True, slots=True)
class Stats:
    """The figures.

    Attributes:
        edits: that are logged; `known` of them are known to be right or wrong.
        fates: how many met each.
        argued: how many of all.
        fixes: wrong incumbents that an argument replaced by a candidate that passes, of all wrong ones.
        breaks: right incumbents that it replaced by a worse one, of all right ones.
        headroom: (chosen − random) / (oracle − random) by the tests that chose; None where no
            argument had both candidates that pass and such that fail.
        ratio: tokens of argued runs over those of one model alone; `ratio_all` over all runs.
        argued_tokens, argued_seconds, argued_cost: of one argument, on average; cost in US dollars.
    """

    edits: int
    known: int
    fates: tuple[tuple[str, int], ...]
    argued: Share
    fixes: Share
    breaks: Share
    headroom: float | None
    headroom_of: int
    ratio: float | None
    ratio_all: float | None
    argued_tokens: float | None
    argued_seconds: float | None
    argued_cost: float | None
    bins: tuple[Bin, ...]


def stats(outcomes: Sequence[Outcome]) -> Stats:
    """Return the figures of a log."""
    argued = [one for one in outcomes if one.argued]
    told = [one for one in argued if one.incumbent_passed is not None]
    futile = sum(one.futile for one in outcomes)
    wrong = sum(one.incumbent_passed is False for one in told) + futile
    headroom, headroom_of = _headroom(argued)
    return Stats(
        edits=len(outcomes),
        known=sum(one.wrong is not None for one in outcomes),
        fates=tuple((fate.value, n) for fate in Fate if (n := sum(one.fate is fate for one in outcomes))),
        argued=wilson(len(argued), len(outcomes)),
        fixes=wilson(sum(one.fixed for one in told), wrong),
        breaks=wilson(sum(one.broken for one in told), sum(one.incumbent_passed is True for one in told)),
        headroom=headroom,
        headroom_of=headroom_of,
        ratio=_ratio(argued),
        ratio_all=_ratio(outcomes),
        argued_tokens=_mean(argued, lambda one: one.argued_tokens),
        argued_seconds=_mean(argued, lambda one: one.argued_seconds),
        argued_cost=_mean(argued, lambda one: one.argued_cost),
        bins=reliability(outcomes),
    )


def wilson(count: int, of: int) -> Share:
    """Return a share with Wilson's 95 % interval (1927), which holds for few observations too."""
    if not of:
        return Share(count, of)
    z, p = 1.96, count / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return Share(count, of, max(0.0, middle - half), min(1.0, middle + half))


def reliability(outcomes: Sequence[Outcome]) -> tuple[Bin, ...]:
    """Return the bins that hold edits which are known to be right or wrong, the least probable first."""
    bins: dict[int, list[Outcome]] = {}
    for one in outcomes:
        if one.wrong is not None:
            bins.setdefault(min(_BINS - 1, int(one.probability * _BINS)), []).append(one)
    return tuple(
        Bin(
            at / _BINS,
            (at + 1) / _BINS,
            fmean(one.probability for one in each),
            wilson(sum(one.wrong is True for one in each), len(each)),
        )
        for at, each in sorted(bins.items())
    )


def _headroom(argued: Sequence[Outcome]) -> tuple[float | None, int]:
    told = [one for one in argued if 0 < one.survivors < one.candidates]
    chance = sum(one.survivors / one.candidates for one in told)
    chosen = sum(one.chosen_passed is True for one in told)
    return ((chosen - chance) / (len(told) - chance) if told else None), len(told)


def _ratio(outcomes: Sequence[Outcome]) -> float | None:
    alone = sum(one.tokens - one.argued_tokens for one in outcomes)
    return sum(one.tokens for one in outcomes) / alone if alone > 0 else None


def _mean(outcomes: Sequence[Outcome], read: Callable[[Outcome], float]) -> float | None:
    return fmean(map(read, outcomes)) if outcomes else None
