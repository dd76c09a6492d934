"""What the model is told of its edits: of the answer above, of the tests that matter, outside of data."""

import pytest

from tests.agent.projects import BUGGY, FIX, TASK, TEST, Agent, make_repository
from tests.scripted import Reply

WRONG = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")
OTHER = FIX.replace("/ len(values)\n>", "/ (len(values) + 2)\n>")
HANGS = FIX.replace("    return sum(values) / len(values)\n>", "    while True:\n        pass\n>")
WEAKENED = "<<<<<<< SEARCH test_stats.py\ndef test_one():\n    assert True\n=======\n>>>>>>> REPLACE\n"
NO_EDIT = "I would rather not."
CODESTRAL = ("--profile", "codestral-2", "--fusion", "never")


@pytest.fixture
def ask(tmp_path, serve):
    """Run a task against greedy answers in turn, samples and infills; return the outcome and the chats."""

    def start(greedy, *options, samples=NO_EDIT, infill="???", files=None, task=TASK):
        repo = make_repository(tmp_path / "repo", files)
        (tmp_path / "home").mkdir(exist_ok=True)
        left = list(greedy)

        def script(request):
            if "prompt" in request.body:
                return Reply(infill)
            if "The fault is in" in request.prompt or "<- suspicious" in request.prompt:
                return Reply("???")
            if (request.body.get("n") or 1) > 1:
                return Reply(samples)
            chats.append(request.body["messages"])
            return Reply(left.pop(0) if len(left) > 1 else left[0])

        chats = []
        agent = Agent(tmp_path / "home", serve(script, tools=False).base_url)
        return agent.run(repo, *options, task=task), chats

    return start


def last(chat) -> tuple[str, str]:
    """Return the last answer that a prompt holds, and what is said of it."""
    return chat[-2]["content"], chat[-1]["content"]


def test_a_failure_is_told_of_the_answer_that_failed_and_not_of_one_that_is_kept(ask):
    _, [_, second, third] = ask([FIX + WEAKENED, WRONG, NO_EDIT], "--fusion", "never")
    answer, said = last(second)
    assert answer == FIX + WEAKENED
    assert "it cannot be accepted as it is" in said
    assert "<output>" not in said
    answer, said = last(third)
    assert answer == WRONG
    assert "cannot be accepted as it is" not in said
    assert "assert 1.5 == 2" in said.partition("<output>")[2].partition("</output>")[0]


def test_a_failure_of_a_sample_is_told_of_the_sample(ask):
    _, [*_, third] = ask([OTHER, NO_EDIT, NO_EDIT], "--fusion", "never", samples=WRONG)
    answer, said = last(third)
    assert answer == WRONG
    assert "assert 1.5 == 2" in said


def test_why_an_answer_is_no_edit_stands_outside_of_data(ask):
    _, [_, second, *_] = ask([NO_EDIT], "--fusion", "never")
    answer, said = last(second)
    assert answer == NO_EDIT
    assert "the answer holds no edit" in said
    assert "<output>" not in said


def test_an_edit_that_comes_again_is_told_to_be_the_same(ask):
    _, [_, second, third] = ask([WRONG], "--fusion", "never", samples=WRONG)
    assert third[:-2] == second
    assert "the same edit was tried before" in last(third)[1]


def test_tests_that_do_not_end_are_told(ask):
    _, [_, second, *_] = ask([HANGS, NO_EDIT], "--fusion", "never", "--test-timeout", "5")
    answer, said = last(second)
    assert answer == HANGS
    assert "ended with timeout" in said


def test_what_broke_is_told_before_what_fails_still(ask):
    cases = "".join(f"def test_{n}():\n    assert mean([0]) == {n}\n\n\n" for n in range(1, 8))
    passes = "def test_passes():\n    assert stats.LIMIT == 1\n"
    files = {
        "stats.py": f"LIMIT = 1\n\n\n{BUGGY}",
        "test_stats.py": f"import stats\nfrom stats import mean\n\n\n{cases}{passes}",
    }
    edit = WRONG + "<<<<<<< SEARCH stats.py\nLIMIT = 1\n=======\nLIMIT = 2\n>>>>>>> REPLACE\n"
    _, [_, second, *_] = ask([edit, NO_EDIT], "--fusion", "never", files=files)
    assert "<output>\ntest_stats.py::test_passes" in last(second)[1]


def test_the_tests_that_the_task_names_are_those_that_must_pass(ask):
    others = "".join(f"\n\ndef test_other_{n}():\n    assert mean([0]) == {n}\n" for n in range(1, 8))
    files = {"stats.py": BUGGY, "test_stats.py": TEST.replace("\n\n\n", f"\n{others}\n\n", 1)}
    _, [first, *_] = ask([NO_EDIT], "--fusion", "never", files=files, task="test_mean fails")
    told = first[-1]["content"].partition("These tests fail now")[2]
    assert "test_stats.py::test_mean" in told
    assert "test_other_" not in told


NO_SUM = {"stats.py": "def mean(values):\n    return len(values)\n", "test_stats.py": TEST}
"""No operator mends it."""


def of_sum(new: str) -> str:
    return f"<<<<<<< SEARCH stats.py\n    return len(values)\n=======\n    return {new}\n>>>>>>> REPLACE\n"


@pytest.mark.parametrize(
    ("first", "said"), [(NO_EDIT, "the answer holds no edit"), (of_sum("sum(values)"), "assert 6 == 2")]
)
def test_a_chat_answer_is_followed_up_after_the_rounds_that_ask_for_lines(ask, tmp_path, first, said):
    settings = tmp_path / "home" / ".config" / "moot" / "moot.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("max_candidates = 4\n")
    right = of_sum("sum(values) / len(values)")
    outcome, chats = ask([first, right], *CODESTRAL, infill="return 7", files=NO_SUM)
    assert outcome.exit_code == 0, outcome.stderr
    answer, told = last(chats[1])
    assert answer == first
    assert said in told


def test_what_checkers_find_is_told_before_lines_are_asked_for(ask):
    ruff = '[tool.ruff.lint]\nselect = ["F"]\n'
    files = {"stats.py": BUGGY, "test_stats.py": TEST, "pyproject.toml": ruff}
    unused = FIX.replace(
        "    return sum(values) / len(values)\n", "    count = 1\n    return sum(values) / len(values)\n"
    )
    outcome, [_, second] = ask([unused, FIX], *CODESTRAL, files=files)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["lint"]["new"] == []
    answer, said = last(second)
    assert answer == unused
    assert "`count` is assigned to but never used" in said
