"""What passes is published, whatever is tried beside it."""

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from moot.agent.core.commands import TestReport
from moot.agent.core.errors import LimitReached
from moot.agent.core.types import Candidate, FileDelta, Task
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.beside import Beside
from moot.agent.graph.nodes.verify import judge_more
from tests.agent.projects import PYTEST, Agent, make_repository
from tests.agent.test_debate import FILES, HALF, JUDGE, NONE, REVISE, TASK, VALUES, WHOLE, edit, values
from tests.scripted import Reply

HANGS = "    if value < low:\n        return low\n    import time\n    time.sleep(600)"
LESS = "    return high if value > high else -1 if value < 0 else value"
LATE = "the time to compare it with one that passes is over: allow more with MOOT_COMPARE_TIME"


@pytest.fixture
def argue(tmp_path, serve):
    """Argue over these patches with few seconds to compare them; return the outcome, the code, the notes."""

    def start(patches, *options, said=()):
        repo = make_repository(tmp_path / "repo", FILES)
        settings = tmp_path / "home" / ".config" / "moot" / "moot.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text("compare_time = 12\n")

        def script(request):
            text = request.body["messages"][-1]["content"]
            for words, answer in dict(said).items():
                if words in text:
                    return answer(request) if callable(answer) else answer
            n = request.body.get("n") or 1
            return Reply(patches[0]) if n == 1 else Reply(texts=list(patches[1:]))

        agent = Agent(tmp_path / "home", serve(script, tools=False).base_url)
        flags = ("--test", PYTEST, "--fusion", "always", "--max-time", "100", "--output", "json", *options)
        outcome = agent("run", TASK, "--repo", str(repo), *flags)
        shown = agent("show", "--repo", str(repo), "--debate", "--output", "json")
        return outcome, (repo / "clamp.py").read_text(), json.loads(shown.stdout)[0]["notes"]

    return start


def test_a_sample_whose_tests_do_not_end_takes_nothing_from_an_incumbent_that_passes(argue):
    outcome, code, notes = argue([edit(WHOLE), edit(HANGS), edit(HANGS)], "--mode", "best-of")
    assert outcome.exit_code == 0, outcome.stderr
    assert WHOLE in code
    assert any(note.endswith(LATE) for note in notes)
    assert f"the argument is cut short: {LATE}" in outcome.stderr


def test_a_revision_whose_tests_do_not_end_is_left_out(argue):
    said = {
        **NONE,
        VALUES: lambda request: values(request, "0"),
        REVISE: Reply(edit(HANGS)),
        JUDGE: Reply("?"),
    }
    outcome, code, notes = argue([edit(HALF), edit(LESS), edit(HALF)], "--mode", "debate", said=said)
    assert outcome.exit_code == 0, outcome.stderr
    assert HALF in code
    assert any(note.endswith(LATE) for note in notes), (notes, outcome.stderr)


def beside(*, state, compare_time=0.05, to_spare=60.0):
    """Return the bounds of an argument, and where the gate enters what it judges."""
    judged, said = {"a": SimpleNamespace(verified=True)}, []
    deps = SimpleNamespace(
        judged=judged,
        settings=SimpleNamespace(compare_time=compare_time),
        limits=SimpleNamespace(seconds_to_spare=to_spare),
        warn_once=said.append,
    )
    return Beside(state, deps), judged


async def late(seconds=0.2):
    await asyncio.sleep(seconds)
    return "done"


async def over_the_limit():
    raise LimitReached("too many tokens")


def test_nothing_is_bounded_while_nothing_of_the_argument_passes():
    bounds, _ = beside(state={}, to_spare=0.0)
    assert asyncio.run(bounds.test(late(), "it is")) == "done"
    with pytest.raises(LimitReached):
        asyncio.run(bounds.write(over_the_limit(), "it is"))


def test_tests_share_the_time_to_compare_and_writing_has_what_can_be_spared():
    bounds, judged = beside(state={})
    judged["b"] = SimpleNamespace(verified=True)
    assert asyncio.run(bounds.write(late(), "it is")) == "done"
    assert not bounds.over
    assert asyncio.run(bounds.test(late(), "it is")) is None
    assert bounds.over
    assert asyncio.run(bounds.write(over_the_limit(), "they are")) is None
    assert bounds.notes == [f"it is left out: {LATE}", "they are left out: too many tokens"]


@pytest.mark.parametrize("kept", ["reserve", "doubted"])
def test_what_an_earlier_round_kept_can_be_published_in_any_case(kept):
    bounds, _ = beside(state={kept: object()}, to_spare=0.1)
    assert asyncio.run(bounds.test(late(0.07), "it is")) == "done"  # no candidate of this argument passes
    assert asyncio.run(bounds.test(late(), "it is")) is None
    assert bounds.notes == ["it is left out: what passes has to be published: allow more with --max-time"]


@pytest.fixture
def kept():
    """Judge a candidate that passes and one whose tests do not end; return what is kept of them."""

    def start(passing: Contestant, *, known: bool):
        hanging = Candidate(
            "hanging", "b", "fim", "", deltas=(FileDelta("b.py", 1, 1, existed=True, exists=True),)
        )

        async def run(*arguments):
            await asyncio.sleep(60)

        deps = SimpleNamespace(
            runner=SimpleNamespace(run=run),
            repository=SimpleNamespace(checkout=lambda commit, folder: None, files=lambda commit, paths: []),
            workspace=None,
            settings=SimpleNamespace(survivors=1),
            limits=SimpleNamespace(check=lambda: None, seconds_left=60.0, seconds_to_spare=0.2),
            emit=lambda event: None,
            judged={passing.candidate.commit: passing},
            partial={},
            reports={},
        )
        candidates = (hanging,) if known else (passing.candidate, hanging)
        state = {"task": Task("Mend it"), "base": "c", "candidates": candidates}
        state |= {"test_command": "pytest", "before": None}
        judged = judge_more([passing] if known else [], state, deps)
        return asyncio.run(asyncio.wait_for(judged, 10))

    return start


PASSED = Contestant(Candidate("passing", "a", "fim", ""), TestReport("pytest", "passed", 0, 1.0), True)


def test_what_passes_is_kept_where_the_rest_of_its_batch_does_not_end(kept):
    """It was found fitted to the test, so that the others of its round are tried, too."""
    assert kept(PASSED, known=True) == [PASSED]


def test_what_passes_with_findings_is_kept_where_the_rest_of_its_batch_does_not_end(kept):
    found = replace(PASSED, demerits=("b.py:1: F401",))
    assert kept(found, known=False) == [found]
