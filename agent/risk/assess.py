"""The probability that an edit is wrong, its impact if it is, and each reason in words."""

import math
import re
from collections.abc import Sequence

from moot.agent.core.types import FileDelta, Risk

__all__ = ["HIGH", "assess"]

HIGH = 0.2
"""Probability times impact above which an edit is argued. A prior, until outcomes are logged."""

_IMPACT = (
    (re.compile(r"(^|/)\.github/|(^|/)\.gitlab-ci|(^|/)Jenkinsfile|(^|/)\.ci/"), 0.9, "changes CI"),
    (re.compile(r"(^|/)migrations?/|\.sql$"), 0.9, "changes a database schema or migration"),
    (re.compile(r"auth|crypt|passw|token|secur|permission|session", re.I), 0.8, "touches security"),
    (
        re.compile(r"(^|/)(pyproject\.toml|setup\.(py|cfg)|requirements[^/]*\.txt|package(-lock)?\.json)$"),
        0.8,
        "changes dependencies or packaging",
    ),
    (
        re.compile(r"(^|/)(go\.(mod|sum)|Cargo\.(toml|lock)|poetry\.lock|uv\.lock)$"),
        0.8,
        "changes dependencies",
    ),
    (re.compile(r"(^|/)(__init__\.py|index\.[jt]sx?|lib\.rs|mod\.rs)$"), 0.5, "touches a public surface"),
)
_TEST_PATH = re.compile(r"(^|/)(tests?|__tests__)/|(^|/)(test_[^/]*|[^/]*_test|[^/]*\.(test|spec))\.\w+$")


def assess(deltas: Sequence[FileDelta]) -> Risk:
    """Rate a patch.

    The probability follows the two features that predict defects best in Kamei et al. (2013), "A
    large-scale empirical study of just-in-time quality assurance": lines added, and how far the
    change spreads; its slope makes 60 changed lines about as likely wrong as right.
    """
    changed = sum(delta.added + delta.removed for delta in deltas)
    spread = len({delta.path.rpartition("/")[0] for delta in deltas})
    probability = 1 - math.exp(-(changed + 10 * (len(deltas) - 1) + 10 * (spread - 1)) / 87)
    impact, reasons = _impact(deltas)
    reasons.insert(0, f"{changed} changed lines in {len(deltas)} file{'s' * (len(deltas) != 1)}")
    high = probability * impact > HIGH or impact >= 0.8
    return Risk(round(probability, 3), impact, high, tuple(reasons))


def _impact(deltas: Sequence[FileDelta]) -> tuple[float, list[str]]:
    impact, reasons = 0.4, list[str]()
    for delta in deltas:
        for pattern, value, reason in _IMPACT:
            if pattern.search(delta.path):
                impact = max(impact, value)
                reasons.append(f"{delta.path} {reason}")
        if delta.existed and not delta.exists:
            impact = max(impact, 0.8)
            reasons.append(f"{delta.path} is deleted")
        elif _TEST_PATH.search(delta.path) and delta.removed:
            impact = max(impact, 0.9)
            reasons.append(f"{delta.removed} lines of the test {delta.path} are removed or changed")
    return impact, reasons
