"""Whether a challenger takes the incumbent's place: never without evidence or a sure judge. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "DISCRETE",
    "UNCALIBRATED",
    "Calibration",
    "Challenge",
    "Choice",
    "Decision",
    "agreed",
    "choose",
    "debiased",
    "stands",
    "with_prior",
]

Choice = Literal["incumbent", "challenger", "tie", "abstain", "invalid"]
"""What a judge said in one order, or `invalid` when it said nothing that can be used."""

DISCRETE = 0.7
"""P that a verdict is right which comes without probabilities, in both orders alike.

A single discrete verdict is right in 57% of pairs and one read from probabilities in 75% (the figures
reported for judges that verify by log-probabilities); two that agree lie between.
"""

_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a judge's probability becomes the frequency with which it is right.

    Attributes:
        temperature: divides the log-odds (Guo et al., 2017, "On calibration of modern neural networks").
    """

    temperature: float = 1.0

    def apply(self, probability: float) -> float:
        """Return the calibrated probability; what is none counts as one half."""
        if not 0.0 <= probability <= 1.0:
            return 0.5
        return _sigmoid(_logit(probability) / self.temperature)


UNCALIBRATED = Calibration()


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenger against the incumbent.

    Attributes:
        id: of its answer.
        verdict: the judge's, where both orders agree.
        better: calibrated P(it is better than the incumbent).
        trusted: evidence that was executed says that it is better.
        length: characters of its answer.
    """

    id: str
    verdict: Choice
    better: float
    trusted: bool = False
    length: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The chosen answer's id, and why."""

    chosen: str
    reason: str


def agreed(orders: Sequence[Choice]) -> Choice:
    """Return the verdict of both orders; a tie where they disagree, invalid where one is."""
    if not orders or "invalid" in orders:
        return "invalid"
    return orders[0] if len(set(orders)) == 1 else "tie"


def debiased(probabilities: Sequence[float | None], orders: Sequence[Choice]) -> float:
    """Return P(challenger is better), the mean over both orders, so that a liking for a place cancels.

    Args:
        probabilities: what each order's choice of tokens says; None where the server did not tell.
        orders: each order's verdict, which stands in for a probability that is missing or none.
    """
    pairs = list(zip(probabilities, orders, strict=True))
    return sum(_usable(value, choice) for value, choice in pairs) / len(pairs) if pairs else 0.5


def with_prior(probability: float, odds: float) -> float:
    """Return the probability after prior odds, which are those of the members' weights."""
    if not (math.isfinite(odds) and odds > 0 and 0.0 <= probability <= 1.0):
        return probability
    return _sigmoid(_logit(probability) + math.log(odds))


def choose(incumbent: str, challenges: Sequence[Challenge], threshold: float) -> Decision:
    """Choose an answer; errors, ties, abstention and doubt leave the incumbent where it is.

    A challenger has to have trusted evidence, or the judge's verdict in both orders with a calibrated
    P(better) above the threshold. Among several, evidence goes before probability, and the shorter wins a
    tie.
    """
    winners = [one for one in challenges if one.trusted or _wins(one, threshold)]
    if not winners:
        return Decision(incumbent, _kept(challenges))
    best = max(winners, key=_merit)
    return Decision(best.id, _replaced(best))


def stands(merged: Challenge, threshold: float) -> bool:
    """Say whether a merged answer stands, which is what was asked for: unless the judge objects to it.

    It does not where the judge prefers the incumbent, thinks that likely, or says nothing of use, as one
    who abstains does.
    """
    refused = merged.verdict in ("incumbent", "abstain", "invalid")
    return merged.trusted or (not refused and 1 - threshold <= merged.better <= 1.0)


def _wins(one: Challenge, threshold: float) -> bool:
    return one.verdict == "challenger" and threshold < one.better <= 1.0


def _merit(one: Challenge) -> tuple[bool, float, int]:
    return one.trusted, one.better if math.isfinite(one.better) else 0.0, -one.length


def _replaced(best: Challenge) -> str:
    if best.trusted:
        return "evidence speaks for it"
    return f"the judge prefers it to the first answer in both orders, P(better) {best.better:.2f}"


def _kept(challenges: Sequence[Challenge]) -> str:
    if not challenges:
        return "there is no other answer"
    if all(one.verdict == "invalid" for one in challenges):
        return "the judge's answers cannot be used, so the first answer stays"
    return "the judge is not sure that another answer is better than the first"


def _usable(value: float | None, choice: Choice) -> float:
    if choice in ("invalid", "abstain"):
        return 0.5
    if value is not None and 0.0 <= value <= 1.0:
        return value
    return {"challenger": DISCRETE, "incumbent": 1 - DISCRETE}.get(choice, 0.5)


def _logit(probability: float) -> float:
    kept = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(kept / (1 - kept))


def _sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(odds, -700.0), 700.0)))
