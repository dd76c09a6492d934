"""Outcomes as runs log them."""

from dataclasses import replace

from moot.agent.core.outcomes import Features, Outcome

NOW = 2_000_000_000
DAY = 86_400
FEATURES = Features(added=10, removed=2, files=1, folders=1, churn=3.0, fixes=1.0, fan_in=2)


def outcome(run_id: str = "run", **changes) -> Outcome:
    """Return an edit of two months ago whose only candidate was published."""
    plain = Outcome(run_id, "/repo", "", NOW - 60 * DAY, FEATURES, 0.2, 0.4, incumbent="c1", chosen="c1")
    return replace(plain, **changes)
