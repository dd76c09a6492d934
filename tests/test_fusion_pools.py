"""Replays two pools that were written by hand, of which every selector's choice is known."""

from dataclasses import replace
from functools import partial

import pytest
from pydantic import TypeAdapter

from moot.agent.core.trials import Observed, Trial
from moot.agent.fusion.judge import InOneOrder
from tests.bench.fusion.choosing import SELECTORS
from tests.bench.fusion.figures import difference, headroom, mean, tally
from tests.bench.fusion.parts import decisive, endorsed, judged
from tests.bench.fusion.problems import Example, Problem
from tests.bench.fusion.records import Merged, Record, Ruled, Said, Sample, dump, load
from tests.bench.fusion.repair_pools import SELECTORS as OF_PATCHES
from tests.bench.fusion.repair_pools import Patch, Pool, pools_in
from tests.bench.fusion.replay import Rules, debate, merged, merges, pairs, simulated

PROMPT = 'def twice(n):\n    """Double.\n    >>> twice(2)\n    4\n    twice(0) ==> 0, and so on\n    """\n'


def sample(number, output, right, passed=True, logprob=-0.5):
    code = f"def twice(n):\n    return {output}"
    return Sample(f"c{number}", code, logprob, True, (passed,), right, ("4", output))


def record(task, *samples, **more):
    example = Example("twice(2)", "4")
    inputs = ("twice(2)", "twice(3)")
    return Record(task, PROMPT, "twice", (example,), inputs, samples, "extended", **more)


def seen(text):
    return Observed("value", text)


@pytest.fixture
def failing():
    """The incumbent fails the example; two of the others are right alike, another one is likelier."""
    return record(
        "HumanEval/1",
        sample(0, "0", False, passed=False),
        sample(1, "9", False, logprob=-0.1),
        sample(2, "6", True, logprob=-0.3),
        sample(3, "6", True, logprob=-0.4),
        sample(4, "0", False, passed=False),
    )


@pytest.fixture
def contested():
    """The incumbent passes and is wrong, as are most; one value and the judge are for the right one."""
    observed = {f"c{n}": seen("6" if n == 2 else "9") for n in range(5)}
    said = Said(Trial("D1", "solution.py", "twice(3)"), observed, seen("6"), ("6", "6", "6", "7", "9"))
    orders = (InOneOrder("incumbent", "challenger", 0.9), InOneOrder("challenger", "challenger", 0.8))
    ruled = Ruled("c0", "c2", True, orders)
    samples = (sample(n, "6" if n == 2 else "9", n == 2) for n in range(5))
    return record("HumanEval/2", *samples, said=(said,), rulings=(ruled, replace(ruled, informed=False)))


def chosen(name, one, size=5):
    return dict(SELECTORS[name](one, size))


def test_every_selector_takes_what_it_should(failing, contested):
    assert chosen("random", failing, 2) == {"c0": 0.5, "c1": 0.5}
    assert chosen("vote", failing) == {"c0": 1.0}
    assert chosen("evidence-only", failing) == {"c2": 1.0}
    assert chosen("best-of", failing) == {"c2": 1.0}
    assert chosen("best-of", failing, 3) == {"c1": 1.0}
    assert chosen("debate", failing) == {"c2": 1.0}
    assert chosen("best-of", contested) == {"c0": 1.0}
    assert chosen("vote", contested) == {"c0": 1.0}
    assert chosen("judge-only", contested) == {"c2": 1.0}
    assert chosen("debate", contested) == {"c2": 1.0}
    assert chosen("debate", contested, 2) == {"c0": 1.0}
    assert chosen("oracle", contested) == {"c2": 1.0}


def test_steps_can_be_left_out(contested):
    unheard = replace(contested, rulings=())
    assert debate(unheard, 5, Rules()) == {"c2": 1.0}
    assert debate(unheard, 5, Rules(predictions=0)) == {"c0": 1.0}
    assert debate(unheard, 5, Rules(predictions=5)) == {"c0": 1.0}
    assert debate(unheard, 5, Rules(predictions=5, least=0.1)) == {"c2": 1.0}
    assert debate(contested, 5, Rules(trials="", votes=False)) == {"c2": 1.0}
    assert debate(contested, 5, Rules(trials="")) == {"c0": 1.0}, "four votes against one outweigh the judge"


def test_a_judge_can_be_made_up(contested):
    shares = simulated(contested, 5, Rules(trials="", votes=False), 0.75)
    assert shares == {"c2": 0.75, "c0": 0.25}


def test_leaders_meet_those_that_behave_otherwise(failing, contested):
    assert pairs(failing) == [("c1", "c2"), ("c2", "c1")]
    assert pairs(contested) == [("c0", "c2")]


def test_figures(failing, contested):
    records = [failing, contested]
    done = {name: tally(records, partial(select, size=5)) for name, select in SELECTORS.items()}
    assert mean(done["debate"].right).value == 1.0
    assert mean(done["random"].right).value == pytest.approx(0.3)
    assert done["debate"].fixes.sum() == 2
    assert done["best-of"].fixes.sum() == 1
    closed = headroom(done["best-of"].right, done["random"].right, done["oracle"].right)
    assert closed.value == pytest.approx(0.2 / 0.7)
    assert difference(done["debate"].right, done["vote"].right).value == 1.0


def test_parts(contested):
    assert judged([contested], True).likely.hits == 1
    assert judged([contested], True).consistent.hits == 1
    assert endorsed([contested], 3)["3 of 3"].hits == 1
    assert endorsed([contested], 5)["3 of 5"].hits == 1
    assert decisive([contested], 3, 0.5).hits == 1


def test_pools_are_kept(tmp_path, failing, contested):
    for name in ("pools.jsonl", "pools.jsonl.xz"):
        dump([failing, contested], tmp_path / name)
        assert load(tmp_path / name) == [failing, contested]


def test_a_docstring_shows_examples():
    problem = Problem("HumanEval/3", PROMPT, "twice", PROMPT + "    return 2 * n\n", "")
    assert problem.examples == (Example("twice(2)", "4"), Example("twice(0)", "0"))
    assert problem.inputs[:4] == ("twice(2)", "twice(0)", "twice(3)", "twice(1)")


def test_patches_of_a_bug_are_chosen_in_every_way(tmp_path):
    patches = (
        Patch("c1", "fim", cluster=1, votes=1, verified=True),
        Patch("c2", "fim", cluster=2, votes=3, verified=True, ahead=0.8, right=True),
        Patch("c3", "fim", cluster=3, votes=2, verified=True, ahead=0.2, better=0.7, preferred=True),
        Patch("c4", "chat"),
    )
    pool = Pool("b1", False, "c0", leader="c1", chosen="c2", patches=patches)
    file = tmp_path / "pools.jsonl"
    file.write_bytes(TypeAdapter(Pool).dump_json(pool) + b"\n")
    assert pools_in(file) == [pool]
    assert [each.id for each in pool.samples] == ["c0", "c1", "c2", "c3", "c4"]
    assert not pool.settled
    chosen = {name: select(pool) for name, select in OF_PATCHES.items()}
    assert chosen.pop("random") == dict.fromkeys(("c1", "c2", "c3", "c4"), 0.25)
    assert chosen.pop("random of those that pass") == dict.fromkeys(("c1", "c2", "c3"), 1 / 3)
    assert {name: one for name, each in chosen.items() for one in each} == {
        "vote": "c2",
        "best single": "c0",
        "evidence-only": "c2",
        "judge-only": "c3",
        "best-of": "c1",
        "debate": "c2",
        "oracle": "c2",
    }
    assert mean(tally([pool], OF_PATCHES["vote"]).fixes).value == 1.0


def test_where_no_patch_passes_the_incumbent_stays_and_is_wrong():
    pool = Pool("b1", False, "c0", patches=(Patch("c1", "fim"),))
    for name, select in OF_PATCHES.items():
        assert mean(tally([pool], select).right).value == 0.0, name


@pytest.mark.parametrize(
    ("verdicts", "passed", "chosen"),
    [
        (("challenger", "challenger"), True, "m0"),
        (("tie", "tie"), True, "m0"),
        (("incumbent", "incumbent"), True, "c0"),
        (("invalid", "challenger"), True, "c0"),
        (("challenger", "challenger"), False, "c0"),
        ((), True, "c0"),
    ],
)
def test_what_is_merged_stands_unless_it_fails_or_the_judge_objects(contested, verdicts, passed, chosen):
    assert merges(contested) == [("c0", "c2")]
    orders = tuple(
        InOneOrder(first, said) for first, said in zip(("incumbent", "challenger"), verdicts, strict=False)
    )
    new = replace(sample(9, "6", True, passed), id="m0")
    known = replace(contested, merged=(Merged("c0", "c2", new, orders),))
    assert merged(known, 5) == {chosen: 1.0}
    assert merged(known, 2) == {"c0": 1.0}
    right = tally([known], lambda each: merged(each, 5)).right
    assert list(right) == [chosen == "m0"]
