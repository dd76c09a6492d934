"""Which of several candidates that pass is taken, from end to end: real git, pytest and sandbox."""

import json

import jsonschema
import pytest

from tests.agent.projects import PYTEST, TASK, Agent, make_repository
from tests.agent.test_run import SCHEMA
from tests.scripted import Reply

CODE = """\
def mean(values):
    \"\"\"Return the arithmetic mean.\"\"\"
    return sum(values) / (len(values) - 1)
"""
TEST = """\
from stats import mean


def test_mean():
    assert mean([4, 5, 9]) == 6


def test_positive():
    assert mean([10, 20]) > 0
"""
LINE = "    return sum(values) / (len(values) - 1)\n"
TRUE = "    count = len(values)\n    return sum(values) / count\n"
FITTED = "    return 6 if values == [4, 5, 9] else sum(values) / (len(values) - 1)\n"
WRONG = "    return sum(values) / (len(values) + 1)\n"
STUCK = "    while len(values) != 3: pass\n    return sum(values) / 3\n"
BROKEN = "    return 6\n\n\nmean(undefined)\n"
NEVER = ("--fusion", "never")


def edit(new: str, old: str = LINE, path: str = "stats.py") -> str:
    return f"<<<<<<< SEARCH {path}\n{old}=======\n{new}>>>>>>> REPLACE\n"


@pytest.fixture
def run(tmp_path, serve):
    """Run on the files; the second round gives these answers, with fusion the first."""

    def start(files, *answers, options=NEVER, output="json"):
        repo = make_repository(tmp_path / "repo", files)
        (tmp_path / "home").mkdir()
        answers = [Reply(text, logprob=chance) for text, chance in answers]

        def script(request):
            n = request.body.get("n") or 1
            if len(server.calls) == 1 and "always" not in options:
                return Reply(edit(WRONG, path=next(iter(files)), old=first))
            return answers[0] if n == 1 else Reply(texts=[one.text for one in answers[1:]], logprob=chances)

        first = LINE if LINE in files[next(iter(files))] else files[next(iter(files))].splitlines(True)[1]
        chances = answers[1].logprob if len(answers) > 1 else None
        server = serve(script, tools=False)
        agent = Agent(tmp_path / "home", server.base_url)
        task = ("run", TASK, "--repo", str(repo), "--test", PYTEST, "--output", output, *options)
        return repo, agent, agent(*task)

    return start


@pytest.mark.parametrize("options", [NEVER, ("--fusion", "always")])
def test_a_candidate_fitted_to_the_test_loses_to_the_true_fix(run, options):
    """The fitted one is smaller, likelier and comes first."""
    files = {"stats.py": CODE, "test_stats.py": TEST}
    repo, agent, outcome = run(
        files, (edit(FITTED), -0.01), (edit(TRUE), -2.0), (edit(WRONG), -2.0), options=options
    )
    assert outcome.exit_code == 0, outcome.stderr
    jsonschema.validate(outcome.result, SCHEMA)
    print(json.dumps(outcome.result["selection"], indent=1))
    assert (repo / "stats.py").read_text() == CODE.replace(LINE, TRUE)
    selection = outcome.result["selection"]
    chosen, fitted = selection["survivors"]
    assert (chosen["group"] != fitted["group"], selection["groups"]) == (True, 2)
    assert any("changes nothing for inputs near that" in text for text in fitted["objections"])
    assert chosen["weight"] < fitted["weight"]
    assert "mean ran on" in selection["compared"]
    outputs = [
        {each["candidate"]: each["text"] for each in one["outputs"]} for one in selection["differences"]
    ]
    assert any(one["base"] == one[fitted["id"]] != one[chosen["id"]] for one in outputs)
    shown = agent("show", outcome.result["run_id"]).stdout
    assert "2 distinct of" in shown
    assert "differ on" in shown


def test_of_two_that_behave_alike_the_shorter_is_taken_although_the_other_is_likelier(run):
    files = {"stats.py": CODE, "test_stats.py": TEST}
    long = "    return sum(values) / (len(values) - 0 or len(values))\n"
    short = "    return sum(values) / len(values)\n"
    repo, _, outcome = run(files, (edit(long), -0.01), (edit(short), -2.0))
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "stats.py").read_text() == CODE.replace(LINE, short)
    assert outcome.result["selection"]["groups"] == 1


def test_survivors_are_named_in_the_text(run):
    files = {"stats.py": CODE, "test_stats.py": TEST}
    _, _, outcome = run(files, (edit(FITTED), -0.01), (edit(TRUE), -2.0), output="text")
    assert outcome.exit_code == 0, outcome.stderr
    assert "2 distinct of" in outcome.stdout
    assert "stats.py:3: -return sum(values) / (len(values) - 1) +count = len(values)" in outcome.stdout
    assert "differ on" in outcome.stdout


def test_a_function_that_hangs_when_compared_costs_no_more_than_its_bound(run):
    """It passes the tests, and does not end on any other input."""
    files = {"stats.py": CODE, "test_stats.py": TEST.replace("mean([10, 20]) > 0", "True")}
    options = (*NEVER, "--output", "json")
    repo, _, outcome = run(files, (edit(STUCK), -0.01), (edit(TRUE), -2.0), options=options)
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "stats.py").read_text() == CODE.replace(LINE, TRUE)
    assert outcome.result["seconds"] < 60


def test_a_candidate_that_cannot_be_imported_is_told_from_the_others_by_the_warm_process(run):
    files = {"stats.py": CODE, "test_stats.py": TEST}
    answers = ((edit(BROKEN), -0.01), (edit(TRUE), -2.0), (edit(FITTED), -2.0))
    repo, _, outcome = run(files, *answers, output="stream-json")
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "stats.py").read_text() == CODE.replace(LINE, TRUE)
    events = [json.loads(line) for line in outcome.stdout.splitlines()]
    rejected = [event["reason"] for event in events if event["event"] == "CandidateRejected"]
    assert "the failing tests cannot be collected" in rejected, rejected


def test_a_candidate_that_hangs_in_another_test_does_not_take_the_one_that_passes_with_it(run):
    """Its failing test passes, and the next one does not end."""
    files = {"stats.py": CODE, "test_stats.py": TEST}
    options = (*NEVER, "--max-time", "20")
    repo, _, outcome = run(files, (edit(TRUE), -0.01), (edit(STUCK), -2.0), options=options)
    assert outcome.exit_code == 0, outcome.stderr
    assert (repo / "stats.py").read_text() == CODE.replace(LINE, TRUE)


TWO = """\
def low(values):
    return values[1]


def high(values):
    return values[0]
"""
TWO_TESTS = """\
from ends import high, low


def test_low():
    assert low([1, 2, 3]) == 1


def test_high():
    assert high([1, 2, 3]) == 3
"""


def test_two_candidates_that_fix_different_tests_become_one(run):
    low = edit("    return min(values)\n", "    return values[1]\n", "ends.py")
    high = edit("    return max(values)\n", "    return values[0]\n", "ends.py")
    repo, _, outcome = run({"ends.py": TWO, "test_ends.py": TWO_TESTS}, (low, -0.1), (high, -0.1))
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["tests"]["after"]["failed"] == []
    assert "min" in (repo / "ends.py").read_text()
    assert "max" in (repo / "ends.py").read_text()
    assert "+" in outcome.result["selection"]["survivors"][0]["id"]


def test_a_candidate_is_joined_with_one_of_an_earlier_round(tmp_path, serve):
    """Both failing tests are named, so that an edit which fixes one of them is not taken."""
    low = edit("    return min(values)\n", "    return values[1]\n", "ends.py")
    high = edit("    return max(values)\n", "    return values[0]\n", "ends.py")
    wrong = [edit(f"    return values[2] - {n}\n", "    return values[1]\n", "ends.py") for n in range(5, 8)]
    rounds = {1: wrong[:1], 2: [low, wrong[1]], 3: [high, wrong[2]]}
    asked = []

    def script(request):
        n = request.body.get("n") or 1
        if n == 1:
            asked.append(request)
        first, *others = rounds[min(len(asked), 3)]
        return Reply(first) if n == 1 else Reply(texts=others * n)

    repo = make_repository(tmp_path / "repo", {"ends.py": TWO, "test_ends.py": TWO_TESTS})
    (tmp_path / "home").mkdir()
    agent = Agent(tmp_path / "home", serve(script, tools=False).base_url)
    task = "Mend test_ends.py::test_low and test_ends.py::test_high."
    outcome = agent("run", task, "--repo", str(repo), "--test", PYTEST, "--output", "json", *NEVER)
    assert outcome.exit_code == 0, outcome.stderr
    assert "return min(values)" in (repo / "ends.py").read_text()
    assert "return max(values)" in (repo / "ends.py").read_text()


FORGER = """\
    import gc, os
    for one in gc.get_objects():
        if type(one).__name__ == "_Child":
            one.say(tests=[["test_stats.py::test_mean", "passed", ""]], modules=[])
            one.say(end=True)
            os._exit(0)
    return sum(values) / (len(values) - 1)
"""


def test_a_forged_answer_of_the_warm_process_does_not_pass_the_gate(run):
    files = {"stats.py": CODE, "test_stats.py": TEST}
    repo, _, outcome = run(
        files,
        (edit(FORGER), -0.01),
        (edit(WRONG.replace("1", "2")), -2.0),
        (edit(WRONG.replace("1", "3")), -2.0),
    )
    assert outcome.exit_code == 1, outcome.stderr
    assert outcome.result["selection"] is None
    assert (repo / "stats.py").read_text() == CODE
    assert json.loads(outcome.stdout)["status"] == "failed"
