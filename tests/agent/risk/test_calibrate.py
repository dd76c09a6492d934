import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.errors import Refused
from moot.agent.core.outcomes import Fate, Outcome
from moot.agent.risk import model
from moot.agent.risk.calibrate import calibrate, scores
from moot.agent.risk.learned import DEFAULTS
from tests.agent.outcomes.logged import DAY, FEATURES, NOW, outcome


def log(count: int, *, factor: float = 1.0, argued: bool = False) -> list[Outcome]:
    """Return edits of different sizes that go wrong `factor` times as often as the model says."""
    draw = random.Random(7)
    found: list[Outcome] = []
    for number in range(count):
        features = replace(FEATURES, added=draw.choice([1, 5, 20, 80, 300]))
        wrong = draw.random() < factor * model.probability(features)
        at = NOW - (400 - number // 2) * DAY
        fate = Fate.REVERTED if wrong else Fate.KEPT
        found.append(outcome(str(number), features=features, at=at, fate=fate, tokens=100))
    if argued:
        return [
            replace(one, argued=True, tokens=220, argued_tokens=120, incumbent_passed=True) for one in found
        ]
    return found


def test_too_little_is_refused_and_says_how_much_is_needed():
    with pytest.raises(Refused, match=r"needs 100 edits .* there are 40, \d+ of them wrong"):
        calibrate(log(40), NOW)
    right = [replace(one, fate=Fate.KEPT) for one in log(300)]
    with pytest.raises(Refused, match="there are 300, 0 of them wrong"):
        calibrate(right, NOW)


def test_young_edits_do_not_count():
    young = [replace(one, at=NOW - 10 * DAY) for one in log(300)]
    with pytest.raises(Refused, match="there are 0"):
        calibrate(young, NOW)


def test_a_model_that_doubts_too_little_is_put_right():
    found = calibrate(log(600, factor=2.2), NOW)
    assert (found.trained, found.tested) == (420, 180)
    assert found.better
    assert found.after.brier < found.before.brier
    assert found.after.ece < found.before.ece
    assert found.after.log_loss < found.before.log_loss
    raw = model.probability(replace(FEATURES, added=300))
    assert found.learned.probability(raw) > raw
    assert found.learned.outcomes == 420


def test_only_the_earlier_part_teaches():
    edits = log(600)
    later = [replace(one, fate=Fate.KEPT if one.at < NOW - 180 * DAY else Fate.REVERTED) for one in edits]
    changed = [replace(one, fate=Fate.REVERTED) if one.at > NOW - 130 * DAY else one for one in edits]
    assert calibrate(edits, NOW).learned.knots == calibrate(changed, NOW).learned.knots
    with pytest.raises(Refused):
        calibrate(later, NOW)


def test_what_arguing_mends_is_learned_and_smoothed():
    edits = log(300, argued=True)
    mended = [
        replace(one, incumbent_passed=False, chosen_passed=True, chosen="c2") if number % 2 else one
        for number, one in enumerate(edits)
    ]
    found = calibrate(mended, NOW)
    assert DEFAULTS.fixed < found.learned.fixed < 1
    assert 0 < found.learned.broken < DEFAULTS.broken
    assert found.argued == 300
    futile = [replace(one, futile=2) for one in mended]
    assert calibrate(futile, NOW).learned.fixed < found.learned.fixed


def test_the_threshold_keeps_the_tokens_of_all_edits_within_15_percent():
    edits = log(600, argued=True)
    learned = calibrate(edits, NOW).learned
    argued = [
        one
        for one in edits
        if learned.argues(learned.probability(model.probability(one.features)), one.impact)
    ]
    assert 1.2 * len(argued) / len(edits) <= 0.15 + 1e-9


@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=1))
def test_scores_are_never_negative_and_best_for_what_is_true(pairs):
    found = scores(pairs)
    assert min(found.brier, found.ece, found.log_loss) >= 0
    assert found.brier <= 1
    true = scores([(0.999 if wrong else 0.001, wrong) for _, wrong in pairs])
    assert true.brier <= found.brier + 1e-12
