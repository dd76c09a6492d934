"""Patches that are argued, from end to end: real git, pytest and sandbox; the model's words are scripted."""

import json
import re
import time

import jsonschema
import pytest

from tests.agent.projects import PYTEST, Agent, make_repository
from tests.agent.test_run import SCHEMA
from tests.scripted import Fault, Reply

CODE = '''\
def clamp(value, low, high):
    """Return value, held between low and high."""
    return value


def label(value):
    return str(value)
'''
TEST = """\
from clamp import clamp


def test_inside():
    assert clamp(5, 0, 10) == 5


def test_above():
    assert clamp(11, 0, 10) == 10
"""
FILES = {"clamp.py": CODE, "test_clamp.py": TEST}
TASK = "clamp lets values through that are out of bounds: hold them between low and high"
HALF = "    return min(value, high)"
BAD = "    return low"
WHOLE = "    return max(low, min(value, high))"


def edit(new: str, old: str = "    return value") -> str:
    return f"<<<<<<< SEARCH clamp.py\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"


def values(request, value: str) -> Reply:
    pieces = request.body["messages"][-1]["content"].count("of `clamp.py`")
    return Reply(texts=[json.dumps({"values": [value] * pieces})] * request.body["n"])


def verdict(word: str, *cites: str) -> Reply:
    return Reply(json.dumps({"reasons": [{"cites": list(cites) or ["T1"], "text": "so"}], "verdict": word}))


def configure(home, members) -> None:
    """Give the user's own settings these members of a pool."""
    if members:
        settings = home / ".config" / "moot" / "moot.toml"
        settings.parent.mkdir(parents=True)
        lines = [
            "\n".join(["[[pool]]", *(f"{name} = {json.dumps(value)}" for name, value in one.items())])
            for one in members
        ]
        settings.write_text("\n".join(lines))


@pytest.fixture
def argue(tmp_path, serve):
    """Argue over these patches, the first of which is the incumbent; `said` answers what is asked of them."""

    def start(patches, said, *options, mode="debate", files=FILES, test=PYTEST, task=TASK, members=()):
        repo = make_repository(tmp_path / "repo", files)
        (tmp_path / "home").mkdir(exist_ok=True)
        configure(tmp_path / "home", members)

        def script(request):
            last = request.body["messages"][-1]["content"]
            asked.append(last)
            for words, answer in said.items():
                if words in last:
                    return answer(request) if callable(answer) else answer
            n = request.body.get("n") or 1
            return Reply(patches[0]) if n == 1 else Reply(texts=list(patches[1:]))

        asked: list[str] = []
        server = serve(script, tools=False)
        agent = Agent(tmp_path / "home", server.base_url)
        flags = ("--test", test, "--fusion", "always", "--mode", mode, "--output", "json", *options)
        outcome = agent("run", task, "--repo", str(repo), *flags)
        if outcome.stdout:
            jsonschema.validate(outcome.result, SCHEMA)
        [rounds] = [json.loads(agent("show", "--repo", str(repo), "--debate", "--output", "json").stdout)]
        shown = agent("show", "--repo", str(repo), "--debate").stdout
        return outcome, (repo / next(iter(files))).read_text(), rounds, shown, asked

    return start


INPUTS, DEFECTS, VALUES = "behave differently", "a run can show", "But first answer a question"
JUDGE, REVISE, MERGE = "Which answer does the task better", "Check that against the task", "of another author"
NONE = {INPUTS: Reply('{"inputs": []}'), DEFECTS: Reply('{"defects": []}')}


def test_values_that_others_endorse_decide(argue):
    """Inputs near those of the tests tell the two apart, and all who saw no patch agree on what is right."""
    said = {**NONE, VALUES: lambda request: values(request, "0")}
    outcome, code, [round_], shown, asked = argue([edit(HALF), edit(WHOLE), edit(HALF)], said)
    assert outcome.exit_code == 0, outcome.stderr
    assert code == CODE.replace("    return value\n", WHOLE + "\n")
    fusion = outcome.result["fusion"]
    assert (fusion["mode"], fusion["reason"]) == ("debate", "evidence speaks for it")
    assert (round_["leader"], round_["chosen"]) == ("chat-1.1", fusion["chosen"])
    assert [one["votes"] for one in round_["entrants"]] == [2, 1]
    assert all(trial["endorsed"]["by"] == "3 of 3" for trial in round_["trials"])
    assert not any(JUDGE in text for text in asked)
    assert "right is 0 (say 3 of 3 who saw no patch)" in shown
    assert "evidence speaks for it" in shown
    assert re.search(r"expect: 1 call, \d+ read", shown)
    assert round_["alone_tokens"] == fusion["alone"] > 0


def test_where_nobody_knows_what_is_right_the_judge_decides(argue):
    """Its reasons cite what was run; both orders have to agree."""

    def judge(request):
        assert "before any edit: -5" in request.body["messages"][-1]["content"]
        return prefers_whole(request)

    said = {**NONE, VALUES: Reply("no JSON"), JUDGE: judge}
    outcome, code, [round_], shown, _ = argue([edit(HALF), edit(WHOLE), edit(BAD)], said)
    assert outcome.exit_code == 0, outcome.stderr
    assert WHOLE in code
    [ruling] = round_["rulings"]
    assert (ruling["verdict"], ruling["orders"][0]["reasons"][0]["cites"]) == ("challenger", ["D1"])
    assert "so [D1]" in shown


@pytest.mark.parametrize(
    "said",
    [
        {INPUTS: Reply("{"), DEFECTS: Reply("]"), VALUES: Reply("?"), JUDGE: Reply("I prefer B!")},
        {DEFECTS: Fault.status(400), VALUES: Fault.status(400), JUDGE: Fault.status(400)},
        {**NONE, VALUES: lambda request: values(request, "7"), JUDGE: verdict("B")},
        {**NONE, VALUES: Reply('{"values": []}'), JUDGE: verdict("B", "X9")},
        {**NONE, VALUES: Reply('{"values": ["0"]}'), JUDGE: verdict("ABSTAIN")},
    ],
    ids=["garbage", "errors", "no such value, one place", "no such evidence", "abstains"],
)
def test_whatever_goes_wrong_the_first_one_stays(argue, said):
    outcome, code, [round_], _, _ = argue([edit(HALF), edit(WHOLE), edit(HALF)], said)
    assert outcome.exit_code == 0, outcome.stderr
    assert HALF in code
    assert round_["chosen"] == "chat-1.1"


def test_a_judge_who_never_ends_leaves_time_to_publish_the_first_one(argue):
    said = {**NONE, VALUES: Reply("no JSON"), JUDGE: Reply("well, " * 100, pause=4.0)}
    patches = [edit(HALF), edit(WHOLE), edit(HALF)]
    outcome, code, [round_], _, asked = argue(patches, said, "--max-time", "40")
    assert any(JUDGE in text for text in asked)
    assert outcome.exit_code == 0, outcome.stderr
    assert HALF in code
    assert round_["chosen"] == "chat-1.1"


def test_a_claim_is_run_and_counts_where_others_bear_it_out(argue):
    """Nobody knows what is right for inputs near those of tests; a critic names one that others know."""

    def claim(request):
        text = request.body["messages"][-1]["content"]
        first = re.search(r"<<< answer A .*?>>> answer A", text, re.DOTALL)[0]
        fields = {"path": "clamp.py", "line": 3, "code": "clamp(-500, 0, 10)", "expected": "0"}
        about = {"answer": "B" if "max" in first else "A", "actual": "-500", "sentence": "hold them"}
        return Reply(json.dumps({"defects": [{**about, **fields}]}))

    def right(request):
        known = "-500" in request.body["messages"][-1]["content"]
        return values(request, "0") if known else Reply(texts=["?"] * 3)

    said = {DEFECTS: claim, VALUES: right, JUDGE: verdict("TIE")}
    outcome, code, [round_], shown, _ = argue([edit(HALF), edit(WHOLE), edit(HALF)], said)
    assert outcome.exit_code == 0, outcome.stderr
    assert WHOLE in code, shown
    [held] = [trial for trial in round_["trials"] if trial["claim"]]
    assert held["endorsed"]["value"] == "0"
    assert "clamp.py:3: should give 0, against “hold them”: holds" in shown


def test_an_author_may_revise_what_every_patch_has_wrong(argue):
    other = "    return high if value > high else -1 if value < 0 else value"
    said = {**NONE, VALUES: lambda request: values(request, "0"), REVISE: Reply(edit(WHOLE))}
    outcome, code, [round_], shown, asked = argue([edit(HALF), edit(other), edit(HALF)], said)
    assert outcome.exit_code == 0, outcome.stderr
    assert WHOLE in code, shown
    assert round_["chosen"].endswith("-revised")
    [told, *_] = [text for text in asked if REVISE in text]
    assert "right is 0" in told
    assert "your edit: -" in told


STRICT = "    if low > high:\n        raise ValueError(low)\n" + WHOLE


def test_a_revision_that_departs_from_what_is_documented_does_not_win(argue):
    other = "    return high if value > high else -1 if value < 0 else value"
    said = {**NONE, VALUES: lambda request: values(request, "0"), REVISE: Reply(edit(STRICT))}
    outcome, code, [round_], shown, _ = argue([edit(HALF), edit(other), edit(HALF)], said)
    assert outcome.exit_code == 0, outcome.stderr
    assert HALF in code, shown
    assert any(one["id"].endswith("-revised") for one in round_["entrants"])
    assert round_["chosen"] == "chat-1.1"


def test_a_merged_patch_that_departs_from_what_is_documented_does_not_stand(argue):
    said = {MERGE: Reply(edit(STRICT)), JUDGE: verdict("TIE")}
    outcome, code, [round_], shown, _ = argue([edit(HALF), edit(WHOLE), edit(HALF)], said, mode="merge")
    assert outcome.exit_code == 0, outcome.stderr
    assert HALF in code, shown
    assert "more speaks against what the merged patch does" in round_["reason"]


NODE = {
    "clamp.js": "function clamp(value, low, high) {\n  return value;\n}\nmodule.exports = { clamp };\n",
    "clamp.test.js": """\
const { test } = require("node:test");
const assert = require("node:assert");
const { clamp } = require("./clamp.js");
test("inside", () => assert.strictEqual(clamp(5, 0, 10), 5));
test("above", () => assert.strictEqual(clamp(11, 0, 10), 10));
""",
    "package.json": '{"name": "clamp", "scripts": {"test": "node --test"}}',
}
GO = {
    "clamp.go": "package clamp\n\nfunc Clamp(value, low, high int) int {\n\treturn value\n}\n",
    "clamp_test.go": """\
package clamp

import "testing"

func TestInside(t *testing.T) {
	if Clamp(5, 0, 10) != 5 {
		t.Error("5")
	}
}

func TestAbove(t *testing.T) {
	if got := Clamp(11, 0, 10); got != 10 {
		t.Errorf("got %d", got)
	}
}
""",
    "go.mod": "module example.org/clamp\n\ngo 1.19\n",
}


ABOVE = "\tif value > high {\n\t\treturn high\n\t}\n"
BELOW = "\tif value < low {\n\t\treturn low\n\t}\n"
IN_NODE = (
    "  return value;",
    "  return Math.min(value, high);",
    "  return Math.max(low, Math.min(value, high));",
)
IN_GO = ("\treturn value", f"{ABOVE}\treturn value", f"{ABOVE}{BELOW}\treturn value")


@pytest.mark.parametrize(
    ("files", "test", "edits", "call"),
    [
        pytest.param(NODE, "node --test", IN_NODE, "clamp(-5, 0, 10)", id="node"),
        pytest.param(GO, "go test ./...", IN_GO, "Clamp(-5, 0, 10)", id="go"),
    ],
)
def test_other_languages_are_argued_over_runs_too(argue, files, test, edits, call):
    path, (old, half, whole) = next(iter(files)), edits

    def right(request):
        pieces = request.body["messages"][-1]["content"].count(f"of `{path}`")
        return Reply(texts=[json.dumps({"values": ["0"] * pieces})] * request.body["n"])

    def patch(new):
        return edit(new, old).replace("clamp.py", path)

    inputs = Reply(json.dumps({"inputs": [{"path": path, "code": call}]}))
    said = {INPUTS: inputs, DEFECTS: Reply('{"defects": []}'), VALUES: right}
    outcome, code, [round_], shown, _ = argue(
        [patch(half), patch(whole), patch(half)], said, files=files, test=test
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert whole in code, shown
    [trial] = round_["trials"]
    assert trial["endorsed"]["value"] == "0"


def test_patches_that_are_apart_are_merged(argue):
    text = edit('    return f"{value}"', "    return str(value)")
    limit = edit("LIMIT = 99\n\n\ndef clamp(value, low, high):", "def clamp(value, low, high):")
    said = {JUDGE: verdict("TIE")}
    patches = [edit(WHOLE), limit + edit(WHOLE), edit(WHOLE) + text]
    outcome, code, [round_], shown, _ = argue(patches, said, mode="merge")
    assert outcome.exit_code == 0, outcome.stderr
    assert "LIMIT = 99" in code, shown
    assert 'return f"{value}"' in code
    assert "+" in round_["chosen"]


def test_patches_that_overlap_are_merged_by_the_model(argue):
    said = {MERGE: Reply(edit(WHOLE + "  # bounded")), JUDGE: verdict("TIE")}
    outcome, code, [round_], _, _ = argue([edit(HALF), edit(WHOLE), edit(HALF)], said, mode="merge")
    assert outcome.exit_code == 0, outcome.stderr
    assert WHOLE + "  # bounded" in code
    assert round_["entrants"][-1]["generator"] == "chat"


def test_a_merged_patch_that_the_judge_objects_to_is_left_out(argue):
    def judge(request):
        text = request.body["messages"][-1]["content"]
        first = re.search(r"<<< answer A .*?>>> answer A", text, re.DOTALL)[0]
        return verdict("B" if "bounded" in first else "A")

    said = {MERGE: Reply(edit(WHOLE + "  # bounded")), JUDGE: judge}
    outcome, code, [round_], _, _ = argue([edit(HALF), edit(WHOLE), edit(HALF)], said, mode="merge")
    assert outcome.exit_code == 0, outcome.stderr
    assert HALF in code
    assert "the leader stays" in round_["reason"]


def test_a_value_that_is_complained_of_is_none_that_is_demanded(argue):
    """The task names what the base gives, not what is right: that those say who saw no patch."""
    said = {**NONE, VALUES: lambda request: values(request, "0")}
    task = "clamp(-5, 0, 10) returns -5: hold values between low and high"
    outcome, code, _, shown, _ = argue([edit(HALF), edit(WHOLE), edit(HALF)], said, task=task)
    assert outcome.exit_code == 0, outcome.stderr
    assert WHOLE in code, shown


def test_patches_that_differ_in_a_comment_are_one_with_the_votes_of_both(argue):
    """No test of the base fails, so that all of them go through every test."""
    files = {**FILES, "test_clamp.py": TEST.replace("clamp(11, 0, 10) == 10", "clamp(9, 0, 10) == 9")}
    said = {**NONE, VALUES: Reply("no JSON"), JUDGE: verdict("ABSTAIN")}
    outcome, _, [round_], _, _ = argue([edit(HALF), edit(f"{HALF}  # held"), edit(WHOLE)], said, files=files)
    assert outcome.exit_code == 0, outcome.stderr
    assert [one["votes"] for one in round_["entrants"]] == [2, 1]


def test_what_a_trusted_model_writes_weighs_more_with_the_judge(argue, serve, tmp_path):
    """The judge finds them even: the odds that the user gives its author decide, above the threshold."""
    server = serve([Reply(edit(WHOLE))], tools=False, models=("other",))
    settings = tmp_path / "home" / ".config" / "moot" / "moot.toml"
    settings.parent.mkdir(parents=True)
    (tmp_path / "rubric.md").write_text("The shorter patch is better.")
    member = {"name": "large", "base_url": server.base_url, "model": "other", "weight": 4.0}
    lines = [f'rubric = "{tmp_path}/rubric.md"', "[[pool]]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in member.items()]
    settings.write_text("\n".join(lines))
    said = {**NONE, VALUES: Reply("no JSON"), JUDGE: lambda request: prefers_whole(request)}
    patches = [edit(HALF), edit(HALF), edit(HALF)]
    outcome, code, [round_], shown, asked = argue(patches, said, "--pool", "large")
    assert outcome.exit_code == 0, outcome.stderr
    assert WHOLE in code, shown
    assert all("The shorter patch is better." in text for text in asked if JUDGE in text)
    assert round_["rulings"][0]["better"] > 0.75  # 0.7 of both orders, three votes against one of weight 4


def prefers_whole(request) -> Reply:
    text = request.body["messages"][-1]["content"]
    first = re.search(r"<<< answer A .*?>>> answer A", text, re.DOTALL)[0]
    return verdict("A" if WHOLE.strip() in first else "B", "D1")


def test_another_model_writes_a_patch_too_and_a_dead_one_loses_nothing(argue, serve):
    server = serve([Reply(edit(WHOLE))], tools=False, models=("other",))
    pool = f"other@{server.base_url},dead@http://127.0.0.1:9/v1"
    said = {**NONE, VALUES: lambda request: values(request, "0")}
    outcome, code, [round_], shown, _ = argue([edit(HALF), edit(HALF), edit(HALF)], said, "--pool", pool)
    assert outcome.exit_code == 0, outcome.stderr
    assert WHOLE in code, shown
    assert round_["entrants"][-1]["author"].startswith("other@")
    assert "dead@http://127.0.0.1:9/v1 writes no patch" in outcome.stderr
    assert outcome.result["fusion"]["elsewhere"]["requests"] >= 1


def test_likelier_infills_have_to_win_the_place_of_a_chat_answer_that_passes(tmp_path, serve):
    """With a profile that chats first they join the argument; being more and likelier is no reason."""
    repo = make_repository(tmp_path / "repo", FILES)
    (tmp_path / "home").mkdir()
    fits = ["return min(value, high)", "return min(high, value)", "return high if value > high else value"]

    def script(request):
        if "prompt" in request.body:
            return Reply(texts=fits, logprob=-0.01)
        n = request.body.get("n") or 1
        return Reply(edit(WHOLE), logprob=-2.0) if n == 1 else Reply(texts=[edit(BAD)] * n)

    agent = Agent(tmp_path / "home", serve(script, tools=False).base_url)
    flags = ("--test", PYTEST, "--fusion", "always", "--profile", "codestral-2", "--output", "json")
    outcome = agent("run", TASK, "--repo", str(repo), *flags)
    assert outcome.exit_code == 0, outcome.stderr
    assert WHOLE in (repo / "clamp.py").read_text()
    [round_] = json.loads(agent("show", "--repo", str(repo), "--debate", "--output", "json").stdout)
    assert round_["chosen"] == "chat-1.1"
    assert any(one["generator"] == "fim" for one in round_["entrants"])


@pytest.mark.parametrize(("weight", "chosen"), [("1", "fim"), ("0.1", "chat")])
def test_infills_count_for_as_much_as_their_weight(tmp_path, serve, weight, chosen):
    """The incumbent fails: of three infills that behave alike and two equal samples the weightier follow."""
    repo = make_repository(tmp_path / "repo", FILES)
    settings = tmp_path / "home" / ".config" / "moot" / "moot.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"infill_weight = {weight}\n")
    fits = ["return min(value, high)", "return min(high, value)", "return high if value > high else value"]

    def script(request):
        if "prompt" in request.body:
            return Reply(texts=fits)
        n = request.body.get("n") or 1
        return Reply(edit(BAD)) if n == 1 else Reply(texts=[edit(WHOLE)] * n)

    agent = Agent(tmp_path / "home", serve(script, tools=False).base_url)
    flags = ("--test", PYTEST, "--fusion", "always", "--profile", "codestral-2", "--output", "json")
    outcome = agent("run", TASK, "--repo", str(repo), *flags)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["fusion"]["chosen"].startswith(chosen)


def test_a_run_that_was_not_argued_says_so(tmp_path, serve):
    repo = make_repository(tmp_path / "repo", FILES)
    (tmp_path / "home").mkdir()
    agent = Agent(tmp_path / "home", serve([Reply(edit(WHOLE))], tools=False).base_url)
    agent("run", TASK, "--repo", str(repo), "--test", PYTEST, "--fusion", "never")
    shown = agent("show", "--repo", str(repo), "--debate")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "nothing was argued" in shown.stderr


def test_patches_are_tested_while_others_are_still_written(tmp_path, serve):
    """The other model does not answer before a sample of the first one went through the tests."""
    repo = make_repository(tmp_path / "repo", FILES)
    (tmp_path / "home").mkdir()
    log = tmp_path / "events"

    def events():
        return [json.loads(line) for line in log.read_text().rpartition("\n")[0].splitlines()]

    def tested():
        ends = [one for one in events() if one["event"] == "TestsFinished"]
        return bool({one["candidate"] for one in ends} - {None, "chat-1.1"})

    def first(request):
        n = request.body.get("n") or 1
        return Reply(edit(HALF)) if n == 1 else Reply(texts=[edit(WHOLE), edit(HALF)])

    def other(request):
        while not tested() and agent.poll() is None:
            time.sleep(0.05)
        return Reply(edit(BAD))

    second = serve(other, tools=False, models=("other",))
    pool = ("--pool", f"other@{second.base_url}", "--fusion", "always", "--output", "stream-json")
    started = Agent(tmp_path / "home", serve(first, tools=False).base_url)
    options = ("--repo", str(repo), "--test", PYTEST, *pool)
    with log.open("w") as out, started.start("run", TASK, *options, stdout=out) as agent:
        _, said = agent.communicate(timeout=100)
    assert tested(), said


@pytest.fixture
def logged(tmp_path, serve):
    """Argue over what a script answers; return the events of the run and the arguments."""

    def start(script, *options):
        repo = make_repository(tmp_path / "repo", FILES)
        (tmp_path / "home").mkdir()
        agent = Agent(tmp_path / "home", serve(script, tools=False).base_url)
        flags = ("--test", PYTEST, "--fusion", "always", "--mode", "best-of", "--output", "stream-json")
        outcome = agent("run", TASK, "--repo", str(repo), *flags, *options)
        assert outcome.exit_code == 0, outcome.stderr
        shown = agent("show", "--repo", str(repo), "--debate", "--output", "json").stdout
        return [json.loads(line) for line in outcome.stdout.splitlines()], json.loads(shown)

    return start


def proposed(events):
    """Return the calls for patches that ended before the incumbent was tested."""
    [end] = [n for n, one in enumerate(events) if one.get("step") == "propose" and "seconds" in one]
    return [
        one["usage"]
        for one in events[:end]
        if (one["event"], one.get("purpose")) == ("ModelCalled", "propose")
    ]


def test_samples_are_written_beside_the_incumbent_and_not_on_its_bill(logged):
    def script(request):
        n = request.body.get("n") or 1
        return Reply(edit(HALF), pause=0.1) if n == 1 else Reply(texts=[edit(WHOLE), edit(HALF)])

    events, [round_] = logged(script)
    samples, incumbent = proposed(events)
    assert samples["completion"] > incumbent["completion"]
    assert round_["alone_tokens"] == incumbent["prompt"] + incumbent["completion"]
    assert [one["id"] for one in round_["entrants"]] == ["chat-1.1", "chat-1.5"]  # the shorter one came first
    [call] = [one for one in round_["calls"] if one["purpose"] == "sample"]
    assert call["usage"] == samples


def test_a_sample_that_does_not_end_is_left_behind(logged):
    """It has a quarter more than the median of those that ended."""
    endless = edit(HALF) + "and on it goes " * 2_000

    def script(request):
        n = request.body.get("n") or 1
        return Reply(edit(HALF)) if n == 1 else Reply(texts=[edit(WHOLE), endless], pause=0.05)

    _, [round_] = logged(script)
    assert [one["id"] for one in round_["entrants"]] == ["chat-1.1", "chat-1.4"]
    [call] = [one for one in round_["calls"] if one["purpose"] == "sample"]
    assert not call["done"]
    assert call["usage"]["completion"] < 2_000


def test_samples_beside_an_incumbent_that_is_no_patch_are_ended(logged):
    """The argument of the next round has samples of its own."""
    no = "I would rather not."

    def script(request):
        n, again = request.body.get("n") or 1, no in str(request.body["messages"])
        if n == 1:
            return Reply(edit(WHOLE) if again else no)
        return Reply(edit(HALF), pause=0.0 if again else 60.0)

    _, [round_] = logged(script)
    assert round_["round"] == 2
    assert [one["id"] for one in round_["entrants"]] == ["chat-2.1", "chat-2.2"]


def test_infills_wait_for_samples_where_tokens_are_limited(logged):
    """Each measures what is left before it asks: at the same time both would take the same tokens."""

    def script(request):
        if "prompt" in request.body:
            return Reply(texts=["return min(value, high)"])
        n = request.body.get("n") or 1
        return Reply(edit(HALF)) if n == 1 else Reply(texts=[edit(WHOLE), edit(HALF)], pause=0.2)

    events, _ = logged(script, "--profile", "codestral-2", "--max-tokens", "100000")
    calls = [one["purpose"] for one in events if one["event"] == "ModelCalled"]
    assert calls[:3] == ["propose", "propose", "repair"]


def test_the_bill_of_two_arguments_and_the_run_beside_them_add_up(tmp_path, serve):
    """In the first one nothing passes; what one model alone takes are both of its rounds."""
    repo = make_repository(tmp_path / "repo", FILES)
    (tmp_path / "home").mkdir()
    server = serve(
        lambda request: Reply(edit(WHOLE if len(request.body["messages"]) > 2 else BAD)), tools=False
    )
    flags = ("--test", PYTEST, "--fusion", "always", "--mode", "best-of", "--output", "json")
    outcome = Agent(tmp_path / "home", server.base_url)("run", TASK, "--repo", str(repo), *flags)
    assert outcome.exit_code == 0, outcome.stderr
    jsonschema.validate(outcome.result, SCHEMA)
    fusion, used = outcome.result["fusion"], outcome.result["tokens"]
    assert fusion["futile"] == 1
    assert fusion["alone"] + fusion["tokens"] == used["prompt"] + used["completion"]
    assert fusion["alone"] > 0
    assert fusion["alone_seconds"] + fusion["seconds"] <= outcome.result["seconds"] + 0.1


def test_infills_that_fail_are_tried_once(tmp_path, serve):
    """The argument tries them all; where none passes, what comes after it does not try them again."""
    repo = make_repository(tmp_path / "repo", FILES)
    settings = tmp_path / "home" / ".config" / "moot" / "moot.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("max_candidates = 6\nmax_repairs = 1\n")

    def script(request):
        if "prompt" in request.body:
            return Reply(texts=["return low", "return value + 1", "return -value", "return None"])
        return Reply(texts=[edit(BAD)] * (request.body.get("n") or 1))

    agent = Agent(tmp_path / "home", serve(script, tools=False).base_url)
    flags = ("--fusion", "always", "--profile", "codestral-2", "--output", "stream-json")
    outcome = agent("run", TASK, "--repo", str(repo), "--test", PYTEST, *flags)
    events = [json.loads(line) for line in outcome.stdout.splitlines()]
    rejected = [one["candidate"] for one in events if one["event"] == "CandidateRejected"]
    assert any(one.startswith("fim") for one in rejected)
    assert len(rejected) == len(set(rejected))


def test_an_incumbent_stands_for_a_likelier_sample_that_differs_in_a_comment(tmp_path, serve):
    repo = make_repository(tmp_path / "repo", FILES)
    (tmp_path / "home").mkdir()

    def script(request):
        if "prompt" in request.body:
            return Reply("???")
        n = request.body.get("n") or 1
        if n == 1:
            return Reply(edit(f"{HALF}  # held"), logprob=-2.0)
        return Reply(texts=[edit(HALF), edit(WHOLE)], logprob=-0.1)

    agent = Agent(tmp_path / "home", serve(script, tools=False).base_url)
    flags = ("--test", PYTEST, "--fusion", "always", "--mode", "best-of", "--output", "json")
    agent("run", TASK, "--repo", str(repo), *flags)
    [round_] = json.loads(agent("show", "--repo", str(repo), "--debate", "--output", "json").stdout)
    assert {one["id"]: one["votes"] for one in round_["entrants"]}["chat-1.1"] == 2
    assert len(round_["entrants"]) == 2


def test_the_same_edit_of_two_authors_weighs_as_both(argue, serve):
    """Two of weight 1 wrote the first; of the other one wrote of weight 1 and one of weight 4."""
    server = serve(lambda request: Reply(edit(WHOLE)), tools=False, models=("other",))
    said = {**NONE, VALUES: Reply("no JSON"), JUDGE: prefers_whole}
    member = {"name": "large", "base_url": server.base_url, "model": "other", "weight": 4.0}
    outcome, _, [round_], shown, _ = argue(
        [edit(HALF), edit(WHOLE), edit(HALF)], said, "--pool", "large", members=[member]
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert sorted(one["votes"] for one in round_["entrants"]) == [2, 2], shown
    odds = 0.7 / 0.3 * 5 / 2
    assert round_["rulings"][0]["better"] == pytest.approx(odds / (1 + odds), abs=0.01)


def test_a_revision_is_its_author_s(argue, serve):
    other = "    return high if value > high else -1 if value < 0 else value"
    server = serve(
        lambda request: Reply(edit(WHOLE if REVISE in request.prompt else other)),
        tools=False,
        models=("other",),
    )
    said = {**NONE, VALUES: lambda request: values(request, "0"), REVISE: Reply(edit(STRICT))}
    pool = ("--pool", f"other@{server.base_url}")
    _, _, [round_], shown, _ = argue([edit(HALF), edit(HALF), edit(HALF)], said, *pool)
    authors = {one["revises"]: one["author"] for one in round_["entrants"] if one["revises"]}
    assert any(author.startswith("other@") for author in authors.values()), shown
    written = {one["id"]: one["author"] for one in round_["entrants"]}
    assert all(written[one] == author for one, author in authors.items())


def test_a_merge_that_is_one_of_the_patches_revises_none(argue):
    more = edit(WHOLE) + edit('    return f"{value}"', "    return str(value)")
    outcome, code, [round_], shown, _ = argue(
        [edit(WHOLE), more, more], {JUDGE: verdict("TIE")}, mode="merge"
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert 'return f"{value}"' in code, shown
    assert [one["revises"] for one in round_["entrants"]] == ["", ""]


def test_infills_keep_to_the_tokens_that_other_models_leave(logged, serve):
    used = {"prompt_tokens": 1_000, "completion_tokens": 25_000, "total_tokens": 26_000}
    server = serve(lambda request: Reply(edit(WHOLE), usage=used), tools=False, models=("other",))

    def script(request):
        if "prompt" in request.body:
            return Reply("nothing that helps " * 50)
        n = request.body.get("n") or 1
        return Reply(edit(HALF)) if n == 1 else Reply(texts=[edit(WHOLE), edit(HALF)])

    options = ("--profile", "codestral-2", "--max-tokens", "30000", "--pool", f"other@{server.base_url}")
    events, _ = logged(script, *options)
    tokens = events[-1]["tokens"]
    assert 26_000 < tokens["prompt"] + tokens["completion"] <= 30_000
