"""What was run of patches, whether it weighs, and that the choice is never worse than the leader."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.trials import Observed, Trial
from moot.agent.core.types import Candidate
from moot.agent.fusion.best_of import Contestant
from moot.agent.fusion.claims import Claim, Endorsed, Tried, endorse, fits, same, separates
from moot.agent.fusion.evidence import Evidence, Fact, table
from moot.agent.fusion.judge import PairRuling
from moot.agent.fusion.patches import ENDORSED, Findings, covers, decide, undecided


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("[1, 2]", "[1,2]", True),
        ("'a'", '"a"', True),
        ("1", "1.0", True),
        ("'a b'", "a b", True),
        ("'3'", "3", False),
        ("'KeyError'", "KeyError", False),
        ("True", "1", False),
        ("[True]", "[1]", False),
        ("(1,)", "[1]", False),
        ("{'a': True}", "{'a': 1}", False),
        ("nan", "nan", True),
        ("[ 1, 2 ]", "[1]", False),
        ("Point(x=1)", "Point( x=1 )", True),
        ("(" * 500, "1", False),
    ],
)
def test_values_are_compared_as_literals(first, second, equal):
    assert same(first, second) is equal


@pytest.mark.parametrize(
    ("seen", "value", "fitting"),
    [
        (Observed("value", "3"), "3", True),
        (Observed("value", "'ValueError'"), "ValueError", False),
        (Observed("error", "ValueError: bad"), "ValueError", True),
        (Observed("error", "json.JSONDecodeError: bad"), "raises JSONDecodeError", True),
        (Observed("error", "ValueError: bad"), "'ValueError'", False),
        (Observed("error", "ValueError: bad"), "TypeError", False),
        (Observed("late", ""), "3", False),
    ],
)
def test_what_was_seen_fits_a_value_or_not(seen, value, fitting):
    assert fits(seen, value) is fitting


@pytest.mark.parametrize(
    ("task", "predictions", "value", "weight"),
    [
        ("`f(1)` should give `3`.", [], "3", 1.0),
        ("f(1) should not return 3", [], None, 0.0),
        ("f(1) had better be 3", [], None, 0.0),  # said in other words than those that are read
        ("half(1) == 7", [], None, 0.0),
        ("f(1) == 3\nf(1) == 4", [], None, 0.0),  # it contradicts itself
        ("f(1) == 3\nf(1) == 3.0", [], "3", 1.0),
        ("f(1) == 3.", ["4", "4", "4"], "3", 1.0),
        (">>> f(1)\n[3]\n", [], "[3]", 1.0),
        ("f(1) returns 3", ["4"], "3", 1.0),
        ("f(10) == 4", ["3", "3", "3"], "3", 1.0),
        ("", ["3", "3", "4"], "3", 1 / 3),
        ("", ["3", "3", ""], "3", 1 / 3),
        ("", ["", "", ""], None, 0.0),
        ("", ["[3]", "[ 3 ]", "4", "5"], None, 0.0),
        ("", ["3"], None, 0.0),
        ("", ["3", "4"], None, 0.0),
        ("f(1) == whatever", [], None, 0.0),
    ],
)
def test_a_value_is_endorsed_by_the_task_or_by_most(task, predictions, value, weight):
    found = endorse("x = 1\nf(1)", task, predictions)
    assert (found.value if found else None) == value
    assert (found.weight if found else 0.0) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("code", "task"),
    [
        ("x = 5\nclamp(x)", "`clamp(x)` must return `0` for negative x"),
        ("f(\n  (5, 6)\n)", "f((1, 2)) == 3"),
        ("x = f([5])\nx", "the list is empty when x == 0"),
        ("1 + 1", "1 + 1 == 2"),
    ],
)
def test_a_task_speaks_of_calls_that_it_names_whole(code, task):
    assert endorse(code, task, []) is None


@pytest.mark.parametrize("code", ["from m import f\nf(1)", "s = S()\nf(1)", "f(1);"])
def test_a_task_speaks_of_a_call_whatever_stands_before_it(code):
    assert endorse(code, "`f(1)` gives `3`", []) == Endorsed("3", 1.0, "task")


@pytest.mark.parametrize(
    ("task", "base", "value"),
    [
        ("`f(1)` returns `-5`", Observed("value", "-5"), "0"),  # a complaint: what is predicted counts
        ("`f(1)` returns `-5`. `f(1)` should return `2`.", Observed("value", "-5"), "2"),
        ("f(1) == 2", Observed("error", "ValueError: bad"), "2"),
        ("f(1) == 2", Observed("value", "-5"), "2"),
    ],
)
def test_a_value_that_the_base_gives_is_no_demand_of_the_task(task, base, value):
    found = endorse("f(1)", task, ["0", "0", "0"], base)
    assert found is not None
    assert found.value == value


def tried(number: int, endorsed: Endorsed | None, claim: Claim | None = None, **outcomes: str) -> Tried:
    observed = {name: Observed("value", text) for name, text in outcomes.items()}
    return Tried(Trial(f"D{number}", "a.py", f"f({number})"), observed, (), endorsed, claim)


def test_only_what_is_steady_tells_patches_apart():
    one = {"a": Observed("value", "1"), "b": Observed("value", "2"), "c": Observed("unsteady", "")}
    assert separates(one, ["a", "b"])
    assert not separates(one, ["a", "c"])
    assert not separates(one, ["a"])
    assert not separates(one, ["a", "missing"])
    errors = {"a": Observed("error", "ValueError: x"), "b": Observed("error", "ValueError: y")}
    assert not separates(errors, ["a", "b"])


def test_a_claim_that_nobody_else_bears_out_weighs_nothing():
    claim = Claim("critic", "a", 3, "2", "1", "")
    alone = tried(1, None, claim, a="1", b="2")
    assert (alone.lost("a"), alone.holds()) == (0.0, False)
    borne_out = tried(1, Endorsed("2", 1.0, "3 of 3"), claim, a="1", b="2")
    assert (borne_out.lost("a"), borne_out.lost("b"), borne_out.holds()) == (1.0, 0.0, True)


def test_a_row_names_those_that_are_asked_about():
    row = Evidence("D1", "`f(1)`", (Fact("base", "0"), Fact("x", "1"), Fact("y", "2")), "right is 2")
    assert table([row], {"x": "A"}) == {"D1": "`f(1)`: before any edit: 0; A: 1; right is 2"}
    assert table([row], {"z": "A"}) == {}


def test_a_patch_that_was_not_seen_to_run_wins_nothing():
    def one(name: str) -> Contestant:
        return Contestant(Candidate(name, f"{1:040}", "chat", ""), TestReport("", "passed", 0, 0.1), True)

    right = Endorsed("2", 1.0, "3 of 3")
    leader, other = one("leader"), one("other")
    assert (
        decide(leader, [other], Findings({}, [tried(1, right, leader="1", other="2")]), 0.6).chosen == "other"
    )
    assert decide(leader, [other], Findings({}, [tried(1, right, leader="1")]), 0.6).chosen == "leader"
    unusable = Tried(
        Trial("D1", "a.py", "f(1)"),
        {"leader": Observed("value", "1"), "other": Observed("unusable", "")},
        endorsed=right,
    )
    assert decide(leader, [other], Findings({}, [unusable]), 0.6).chosen == "leader"


def test_weak_values_do_not_add_up_to_a_sure_one():
    def one(name: str) -> Contestant:
        return Contestant(Candidate(name, f"{1:040}", "chat", ""), TestReport("", "passed", 0, 0.1), True)

    weak = Endorsed("2", 1 / 3, "2 of 3")
    findings = Findings({}, [tried(number, weak, leader="1", other="2") for number in range(3)])
    leader, other = one("leader"), one("other")
    assert decide(leader, [other], findings, 0.6).chosen == "leader"
    assert undecided(leader, [other], findings) == [other]


# --- never worse -------------------------------------------------------------------------------

CHECKS = [f"test_{number}" for number in range(4)]


@st.composite
def contestants(draw, name: str, *, verified: bool | None = None) -> Contestant:
    passed = draw(st.sets(st.sampled_from(CHECKS)))
    cases = tuple(TestCase(one, "passed" if one in passed else "failed") for one in CHECKS)
    demerits = tuple(draw(st.lists(st.sampled_from(["a.py:1: x", "b.py:2: y"]), unique=True)))
    candidate = Candidate(name, f"{draw(st.integers(0, 99)):040}", "chat", "")
    survives = draw(st.booleans()) if verified is None else verified
    report = TestReport("pytest", "passed", 0, 0.1, cases)
    return Contestant(candidate, report, survives, demerits=demerits)


NAMES = ["leader", "second", "third"]
OUTCOMES = st.builds(
    Observed, st.sampled_from(["value", "error", "late", "unsteady", "unusable"]), st.sampled_from(["1", "E"])
)
TRIED = st.builds(
    Tried,
    st.builds(Trial, st.just("D1"), st.just("a.py"), st.just("f(1)")),
    st.dictionaries(st.sampled_from(NAMES), OUTCOMES),
    st.just(()),
    st.none() | st.builds(Endorsed, st.sampled_from(["1", "2"]), st.floats(0, 1), st.just("3 of 3")),
)
RULING = st.builds(
    PairRuling,
    st.sampled_from(NAMES),
    st.just(()),
    st.sampled_from(["incumbent", "challenger", "tie", "abstain", "invalid"]),
    st.floats(),
    st.integers(0, 9),
)


@settings(max_examples=400)
@given(
    contestants("leader", verified=True),
    contestants("second"),
    contestants("third"),
    st.lists(TRIED, max_size=4),
    st.lists(RULING, max_size=2),
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3)),
    st.floats(0.5, 0.99),
)
def test_the_choice_passes_every_check_that_the_leader_passes(
    leader, second, third, found, rulings, objections, threshold
):
    findings = Findings(objections, found, {one.challenger: one for one in rulings})
    decision = decide(leader, [second, third], findings, threshold)
    everyone = {one.candidate.id: one for one in (leader, second, third)}
    chosen = everyone[decision.chosen]
    assert chosen.verified
    assert chosen.report.passed >= leader.report.passed
    assert set(chosen.demerits) <= set(leader.demerits)
    assert objections.get(decision.chosen, 0) <= objections.get("leader", 0)
    if chosen is not leader:
        ahead = findings.ahead(decision.chosen, "leader")
        ruling = findings.rulings.get(decision.chosen)
        sure = ruling is not None and ruling.verdict == "challenger" and ruling.better > threshold
        assert ahead >= ENDORSED or (sure and ahead > -ENDORSED)


@given(
    contestants("leader", verified=True), contestants("second", verified=True), st.lists(TRIED, max_size=4)
)
def test_a_judge_is_asked_only_where_evidence_does_not_tell(leader, second, found):
    findings = Findings({}, found)
    asked = undecided(leader, [second], findings)
    if not covers(second, leader, findings) or abs(findings.ahead("second", "leader")) >= ENDORSED:
        assert not asked
    else:
        assert asked == [second]
