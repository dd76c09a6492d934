"""Learns from logged outcomes: how probable a mistake is, whether arguing mends it, and when that pays."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from moot.agent.core.errors import Refused
from moot.agent.core.outcomes import RIPE_DAYS, Outcome
from moot.agent.risk import model
from moot.agent.risk.isotonic import pool
from moot.agent.risk.learned import DEFAULTS, Learned

__all__ = ["LEAST", "LEAST_EACH", "Calibration", "Scores", "calibrate", "scores"]

LEAST, LEAST_EACH = 100, 10
"""Edits whose fate is known that are needed, and of these wrong ones and right ones in either part."""

_EARLIER = 0.7
"""Share of the edits, by time, that is learned from; the figures are of the others."""

_BINS = 10
_FIXED_PRIOR, _BROKEN_PRIOR = 20, 100
"""Observations that the defaults of P(fixed | wrong) and P(broken | right) count as."""

_LEAST_ARGUED = 10
_EXTRA_ALL, _EXTRA_ONE = 0.15, 0.6
"""Share of tokens that arguments may add to all edits; and that one adds to an edit, until that is known."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How good probabilities are; each is the better the smaller.

    Attributes:
        brier: mean squared error (Brier, 1950).
        ece: expected calibration error over ten equally wide bins (Naeini et al., 2015).
        log_loss: mean negative log likelihood, in nats.
    """

    brier: float
    ece: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was learned, from how many edits, and its figures on later ones.

    Attributes:
        trained, tested: edits of the earlier and of the later part.
        before, after: of the later part, without and with what was learned.
        argued: arguments that P(fixed | wrong) and P(broken | right) were learned from.
    """

    learned: Learned
    trained: int
    tested: int
    before: Scores
    after: Scores
    argued: int

    @property
    def better(self) -> bool:
        """Whether it predicts the later part no worse than the model alone, by the Brier score."""
        return self.after.brier <= self.before.brier

    def as_json(self) -> dict[str, Any]:
        """Return it for `--output json`."""
        return asdict(self) | {"better": self.better}


def calibrate(outcomes: Sequence[Outcome], now: int) -> Calibration:
    """Learn from the log.

    Of edits younger than 30 days only the bad ones could be known, so none of those counts.

    Args:
        outcomes: of all edits, in any order.
        now: in seconds since 1970.

    Raises:
        Refused: there are too few; the message says how many are needed.
    """
    ripe = [one for one in outcomes if one.wrong is not None and now - one.at >= RIPE_DAYS * 86_400]
    pairs = [
        (model.probability(one.features), bool(one.wrong)) for one in sorted(ripe, key=lambda one: one.at)
    ]
    cut = round(_EARLIER * len(pairs))
    earlier, later = pairs[:cut], pairs[cut:]
    _require(pairs, earlier, later)
    knots = pool(earlier)
    fixed, broken, argued = _worth(outcomes)
    taken = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    learned = Learned(fixed, broken, DEFAULTS.cost, knots, len(earlier), taken)
    learned = Learned(fixed, broken, _cost(outcomes, learned), knots, len(earlier), taken)
    after = scores([(learned.probability(raw), wrong) for raw, wrong in later])
    return Calibration(learned, len(earlier), len(later), scores(later), after, argued)


def _require(every: Sequence[tuple[float, bool]], *parts: Sequence[tuple[float, bool]]) -> None:
    """Raise Refused, unless there are enough edits, and enough of either kind in each part."""
    least = min(min(_count(part, wrong) for part in parts) for wrong in (True, False))
    if len(every) >= LEAST and least >= LEAST_EACH:
        return
    bad = _count(every, True)
    raise Refused(
        f"too little is known to learn from: calibration needs {LEAST} edits older than {RIPE_DAYS} days "
        f"whose fate is known, with {LEAST_EACH} wrong and {LEAST_EACH} right ones in the earlier "
        f"{_EARLIER:.0%} and in the rest; there are {len(every)}, {bad} of them wrong, so the defaults stay"
    )


def _count(pairs: Sequence[tuple[float, bool]], wrong: bool) -> int:
    return sum(happened is wrong for _, happened in pairs)


def _worth(outcomes: Sequence[Outcome]) -> tuple[float, float, int]:
    """Return P(fixed | wrong) and P(broken | right), smoothed towards the defaults, and of how many."""
    told = [one for one in outcomes if one.argued and one.incumbent_passed is not None]
    wrong = sum(one.incumbent_passed is False for one in told) + sum(one.futile for one in outcomes)
    right = sum(one.incumbent_passed is True for one in told)
    fixed = (sum(one.fixed for one in told) + _FIXED_PRIOR * DEFAULTS.fixed) / (wrong + _FIXED_PRIOR)
    broken = (sum(one.broken for one in told) + _BROKEN_PRIOR * DEFAULTS.broken) / (right + _BROKEN_PRIOR)
    return fixed, broken, wrong + right


def _cost(outcomes: Sequence[Outcome], learned: Learned) -> float:
    """Return the threshold with which arguments add no more than 15 % to the tokens of all edits.

    What one argument adds is taken from the log; then the gain above which so many lie is the cost.
    """
    argued = [one for one in outcomes if one.argued and one.argued_tokens]
    alone = statistics.fmean(one.tokens - one.argued_tokens for one in outcomes)
    extra = _EXTRA_ONE
    if len(argued) >= _LEAST_ARGUED and alone > 0:
        extra = statistics.fmean(one.argued_tokens for one in argued) / alone
    gains = sorted(
        learned.gain(learned.probability(model.probability(one.features)), one.impact) for one in outcomes
    )
    first = math.ceil(len(gains) * (1 - min(1.0, _EXTRA_ALL / max(extra, 1e-9)))) - 1
    return max(0.0, gains[first]) if first >= 0 else 0.0


def scores(pairs: Sequence[tuple[float, bool]]) -> Scores:
    """Rate probabilities, each strictly between 0 and 1, against what happened."""
    count = len(pairs)
    brier = sum((chance - wrong) ** 2 for chance, wrong in pairs) / count
    loss = -sum(math.log(chance if wrong else 1 - chance) for chance, wrong in pairs) / count
    bins: dict[int, list[tuple[float, bool]]] = {}
    for pair in pairs:
        bins.setdefault(min(_BINS - 1, int(pair[0] * _BINS)), []).append(pair)
    ece = sum(abs(sum(chance - wrong for chance, wrong in each)) for each in bins.values()) / count
    return Scores(brier, ece, loss)
