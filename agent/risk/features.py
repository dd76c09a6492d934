"""A change and what is around it -> the features that predict a defect."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from moot.agent.core.outcomes import Features
from moot.agent.core.types import FileDelta
from moot.agent.risk.past import FileHistory

__all__ = ["ALONE", "Surroundings", "entropy", "features_of"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of a change beside its size; None where it is not.

    Attributes:
        past: what the history says of files.
        fan_in: the touched definition that most other files name, and how many do.
        uncovered: share of the added lines that no test is known to reach.
        disagreement: among the samples of the round, from 0 to 1.
        api: changes of the public surface, each in words.
    """

    past: FileHistory | None = None
    fan_in: tuple[str, int] | None = None
    uncovered: float | None = None
    disagreement: float | None = None
    api: tuple[str, ...] = ()


ALONE = Surroundings()
"""Nothing but the change itself is known."""


def features_of(deltas: Sequence[FileDelta], around: Surroundings = ALONE) -> Features:
    """Measure a change: what Kamei et al. (2013) measure of one edit, and three features of ours."""
    past = [delta.path for delta in deltas if delta.existed]
    churn, fixes = around.past.of(past) if around.past is not None else (None, None)
    return Features(
        added=sum(delta.added for delta in deltas),
        removed=sum(delta.removed for delta in deltas),
        files=len(deltas),
        folders=len({delta.path.rpartition("/")[0] for delta in deltas}),
        entropy=entropy([delta.added + delta.removed for delta in deltas]),
        churn=churn,
        fixes=fixes,
        fan_in=around.fan_in[1] if around.fan_in is not None else None,
        uncovered=around.uncovered,
        disagreement=around.disagreement,
    )


def entropy(lines: Sequence[int]) -> float:
    """Return Shannon's entropy of changed lines over files, divided by its largest value (Hassan, 2009).

    Args:
        lines: changed lines of each file.
    """
    total, parts = sum(lines), [count for count in lines if count]
    if len(parts) < 2:
        return 0.0
    found = -sum(count / total * math.log2(count / total) for count in parts)
    return min(1.0, found / math.log2(len(lines)))
