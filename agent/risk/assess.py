"""The probability that an edit is wrong, its impact if it is, and each reason in words."""

from collections.abc import Iterator, Sequence

from moot.agent.core.outcomes import Features
from moot.agent.core.types import FileDelta, Risk
from moot.agent.core.verification import IntegrityFlag
from moot.agent.risk import model
from moot.agent.risk.features import ALONE, Surroundings, features_of
from moot.agent.risk.impact import impact_of
from moot.agent.risk.learned import DEFAULTS, Learned

__all__ = ["ASK", "assess", "refusal"]

ASK = 0.1
"""Probability times impact above which a person is asked. It is no part of what is learned: that arguing does
not pay is no reason to publish unseen."""


def assess(
    deltas: Sequence[FileDelta],
    flags: Sequence[IntegrityFlag] = (),
    around: Surroundings = ALONE,
    learned: Learned = DEFAULTS,
) -> Risk:
    """Rate a patch.

    Args:
        deltas: the changed files.
        flags: what the patch takes from the tests.
        around: what else is known of the change.
        learned: the constants of the decision.
    """
    features = features_of(deltas, around)
    impact = impact_of(deltas, flags, around.api)
    probability = round(min(0.9999, max(0.0001, learned.probability(model.probability(features)))), 4)
    return Risk(
        probability=probability,
        impact=impact.value,
        high=impact.hard or learned.argues(probability, impact.value),
        reasons=(*_size(features), *_doubts(features, around), *impact.reasons),
        gain=round(learned.gain(probability, impact.value), 4),
        rules=impact.rules,
        ask=impact.hard or probability * impact.value > ASK,
        features=features,
    )


def _size(features: Features) -> Iterator[str]:
    changed, files = features.added + features.removed, features.files
    yield f"{changed} changed line{'s' * (changed != 1)} in {files} file{'s' * (files != 1)}"


def _doubts(features: Features, around: Surroundings) -> Iterator[str]:
    """Yield what makes the edit noticeably more likely wrong; the definition that others name by its name."""
    name = around.fan_in[0] if around.fan_in is not None else ""
    for reason in model.reasons(features):
        yield reason.replace("what it touches", name) if name else reason


def refusal(flags: Sequence[IntegrityFlag]) -> str:
    """Return why an edit with flags that were not asked for is not published, and what to do."""
    more = f" (and {len(flags) - 1} more)" if len(flags) > 1 else ""
    return (
        f"the edit was not approved: {flags[0]}{more}; the task does not ask for that, so say so in the task "
        "or pass --allow-test-changes"
    )
