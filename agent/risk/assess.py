"""The probability that an edit is wrong, its impact if it is, and each reason in words."""

import math
import re
from collections.abc import Collection, Sequence

from moot.agent.core.types import FileDelta, Risk
from moot.agent.core.verification import IntegrityFlag, unasked
from moot.agent.risk.integrity import is_test_path

__all__ = ["HIGH", "assess", "refusal"]

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
_ASKED_IMPACT = 0.7
"""Impact of a change of tests or of their settings that the task asks for: too low to ask again."""


def assess(deltas: Sequence[FileDelta], flags: Sequence[IntegrityFlag] = ()) -> Risk:
    """Rate a patch.

    The probability follows the two features that predict defects best in Kamei et al. (2013), "A
    large-scale empirical study of just-in-time quality assurance": lines added, and how far the
    change spreads; its slope makes 60 changed lines about as likely wrong as right. Whatever makes the
    tests say less and was not asked for makes the risk high, however small the change.

    Args:
        deltas: the changed files.
        flags: what the patch takes from the tests.
    """
    changed = sum(delta.added + delta.removed for delta in deltas)
    spread = len({delta.path.rpartition("/")[0] for delta in deltas})
    probability = 1 - math.exp(-(changed + 10 * (len(deltas) - 1) + 10 * (spread - 1)) / 87)
    asked = {flag.path for flag in flags} - {flag.path for flag in unasked(flags)}
    impact, reasons = _impact(deltas, asked)
    if unasked(flags):
        impact = 1.0
    reasons += [f"{flag}{' (the task asks for it)' * flag.asked}" for flag in flags]
    reasons.insert(0, f"{changed} changed lines in {len(deltas)} file{'s' * (len(deltas) != 1)}")
    high = probability * impact > HIGH or impact >= 0.8
    return Risk(round(probability, 3), impact, high, tuple(reasons))


def _impact(deltas: Sequence[FileDelta], asked: Collection[str]) -> tuple[float, list[str]]:
    impact, reasons = 0.4, list[str]()
    for delta in deltas:
        value = 0.4
        for pattern, rated, reason in _IMPACT:
            if pattern.search(delta.path):
                value = max(value, rated)
                reasons.append(f"{delta.path} {reason}")
        if delta.existed and not delta.exists:
            value = max(value, 0.8)
            reasons.append(f"{delta.path} is deleted")
        elif is_test_path(delta.path) and delta.removed:
            value = max(value, 0.5)
            reasons.append(f"{delta.removed} lines of the test {delta.path} are removed or changed")
        impact = max(impact, min(value, _ASKED_IMPACT) if delta.path in asked else value)
    return impact, reasons


def refusal(flags: Sequence[IntegrityFlag]) -> str:
    """Return why an edit with flags that were not asked for is not published, and what to do."""
    more = f" (and {len(flags) - 1} more)" if len(flags) > 1 else ""
    return (
        f"the edit was not approved: {flags[0]}{more}; the task does not ask for that, so say so in the task "
        "or pass --allow-test-changes"
    )
