import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.outcomes import Fate
from moot.agent.outcomes.diagram import as_svg, as_text
from moot.agent.outcomes.stats import stats, wilson
from tests.agent.outcomes.logged import outcome

ARGUED = {
    "argued": True,
    "candidates": 3,
    "survivors": 1,
    "tokens": 300,
    "argued_tokens": 200,
    "argued_seconds": 4.0,
}
FIX = outcome("fix", chosen="c2", incumbent_passed=False, chosen_passed=True, fate=Fate.KEPT, **ARGUED)
BREAK = outcome("break", chosen="c2", incumbent_passed=True, chosen_passed=True, fate=Fate.REVERTED, **ARGUED)
KEPT = outcome("kept", fate=Fate.KEPT, tokens=100)


@given(st.integers(0, 500), st.integers(1, 500))
def test_wilsons_interval_holds_the_share_and_stays_within_0_and_1(count, more):
    share = wilson(count, count + more)
    assert share.low is not None
    assert share.high is not None
    assert 0 <= share.low <= share.value + 1e-12
    assert share.value - 1e-12 <= share.high <= 1


def test_wilsons_interval_of_few():
    share = wilson(0, 10)
    assert (share.low, round(share.high or 0, 3)) == (0, 0.278)
    assert wilson(0, 0).low is None


def test_what_an_edit_tells_of_the_incumbent():
    assert FIX.wrong is True
    assert BREAK.wrong is None  # the incumbent was not published, so its fate is not known
    assert KEPT.wrong is False
    assert outcome(fate=Fate.LOST).wrong is None
    assert (FIX.fixed, FIX.broken, BREAK.fixed, BREAK.broken) == (True, False, False, True)


def test_the_figures():
    found = stats([FIX, BREAK, KEPT, outcome("futile", futile=1, fate=Fate.UNDONE, tokens=100)])
    assert (found.edits, found.known) == (4, 3)
    assert (found.argued.count, found.argued.of) == (2, 4)
    assert (found.fixes.count, found.fixes.of) == (1, 2)  # one argument found nothing
    assert (found.breaks.count, found.breaks.of) == (1, 1)
    assert found.headroom == pytest.approx(1.0)
    assert found.ratio == pytest.approx(3.0)
    assert found.ratio_all == pytest.approx(800 / 400)
    assert found.argued_tokens == 200
    assert dict(found.fates) == {"kept": 2, "undone": 1, "reverted": 1}


def test_nothing_is_made_up_from_an_empty_log():
    found = stats([])
    assert (found.edits, found.headroom, found.ratio, found.argued_tokens, found.bins) == (
        0,
        None,
        None,
        None,
        (),
    )


def test_the_diagram_fits_80_columns_and_is_a_drawing():
    chances = [0.05, 0.15, 0.15, 0.55, 0.99]
    told = [
        outcome(str(n), probability=p, fate=Fate.UNDONE if n % 2 else Fate.KEPT)
        for n, p in enumerate(chances)
    ]
    bins = stats(told).bins
    lines = as_text(bins)
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines] == ["predicted", "0.0", "0.1", "0.5", "0.9"]
    assert lines[2].count("█") + lines[2].count("|") >= 20
    svg = as_svg(bins)
    assert svg.count("<circle") == 4
    assert svg.startswith("<svg")
    assert as_svg(()).endswith("</svg>\n")
