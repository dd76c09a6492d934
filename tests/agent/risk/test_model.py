from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.outcomes import Features
from moot.agent.risk.model import TERMS, probability, reasons

COUNTS = st.integers(0, 10**9)
SHARES = st.floats(0, 1)
FEATURES = st.builds(
    Features,
    added=COUNTS,
    removed=COUNTS,
    files=COUNTS,
    folders=COUNTS,
    entropy=SHARES,
    churn=st.none() | st.floats(0, 1e6),
    fixes=st.none() | st.floats(0, 1e6),
    fan_in=st.none() | COUNTS,
    uncovered=st.none() | SHARES,
    disagreement=st.none() | SHARES,
)
SMALL = Features(added=1, removed=1, files=1, folders=1)


@given(FEATURES)
def test_a_probability_is_strictly_between_0_and_1(features):
    assert 0 < probability(features) < 1


@given(FEATURES, st.sampled_from([term.name for term in TERMS]), SHARES)
def test_more_of_a_feature_never_makes_a_mistake_less_probable(features, name, more):
    value = getattr(features, name)
    if value is None:
        return
    larger = min(1.0, value + more) if isinstance(value, float) and value <= 1 else value + 1
    assert probability(replace(features, **{name: larger})) >= probability(features)


@pytest.mark.parametrize("name", ["churn", "fixes", "fan_in", "uncovered", "disagreement"])
def test_what_is_not_known_counts_as_the_mean(name):
    (term,) = (term for term in TERMS if term.name == name)
    assert term.part(SMALL) == 0


def test_each_reason_has_its_number_and_the_weightiest_is_first():
    features = replace(SMALL, added=400, removed=60, uncovered=0.8)
    assert list(reasons(features)) == [
        "400 lines added",
        "60 lines removed",
        "no test is known to reach 80% of the added lines",
    ]
    assert list(reasons(SMALL)) == []


def test_every_term_says_what_the_features_hold():
    assert [term.name for term in TERMS] == list(Features.__slots__)
