"""A model whose edit passes the tests and displeases the repository's own checkers."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.agent.projects import BUGGY, FIX, TEST, Agent, make_repository
from tests.scripted import Reply

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "result.schema.json").read_text())
RUFF = '[tool.ruff.lint]\nselect = ["F"]\n'
FILES = {"stats.py": f"import os\n\n\n{BUGGY}", "test_stats.py": TEST, "pyproject.toml": RUFF}
UNUSED = FIX.replace(
    "    return sum(values) / len(values)\n", "    count = 1\n    return sum(values) / len(values)\n"
)
SILENCED = UNUSED.replace("count = 1", "count = 1  # noqa: F841")


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo", FILES)


@pytest.fixture
def run(tmp_path, serve, repo):
    """Return a run against a server that answers with these replies in turn, and the prompts it saw."""

    def go(*replies: str, arguments: tuple[str, ...] = ()):
        prompts: list[str] = []

        def script(request):
            prompts.append(request.prompt)
            return Reply(replies[min(len(prompts), len(replies)) - 1])

        (tmp_path / "home").mkdir(exist_ok=True)
        agent = Agent(tmp_path / "home", serve(script, tools=False).base_url)
        outcome = agent.run(repo, *arguments)
        if "text" not in arguments:
            jsonschema.validate(outcome.result, SCHEMA)
        return outcome, prompts

    return go


def test_an_old_finding_does_not_count(run, repo):
    outcome, prompts = run(FIX)
    assert outcome.exit_code == 0
    assert outcome.result["lint"] == {"checkers": ["ruff"], "new": [], "notes": []}
    assert len(prompts) == 1


def test_the_model_is_told_of_a_new_finding_and_corrects_it(run, repo):
    outcome, prompts = run(UNUSED, FIX)
    assert outcome.exit_code == 0
    assert outcome.result["lint"]["new"] == []
    assert "stats.py:5: Local variable `count` is assigned to but never used (ruff F841)" in prompts[1]
    assert "count" not in (repo / "stats.py").read_text()


def test_a_finding_that_stays_after_one_more_round_is_published_and_told(run, repo):
    outcome, prompts = run(UNUSED, arguments=("--fusion", "never"))
    assert len(prompts) == 3  # the edit, the correction, and its samples
    assert outcome.exit_code == 0
    (found,) = outcome.result["lint"]["new"]
    assert (found["checker"], found["rule"], found["line"]) == ("ruff", "F841", 5)
    assert found["text"] == "count = 1"
    assert "count" in (repo / "stats.py").read_text()


def test_silencing_the_checker_is_a_finding_too(run, repo):
    outcome, prompts = run(SILENCED, FIX)
    assert "`# noqa` silences a checker" in prompts[1]
    assert outcome.result["lint"]["new"] == []


def test_settings_that_the_edit_changes_are_told(run, repo):
    edit = f'{UNUSED}<<<<<<< SEARCH pyproject.toml\nselect = ["F"]\n=======\nselect = []\n>>>>>>> REPLACE\n'
    outcome, _ = run(edit, arguments=("--yes",))
    (note,) = outcome.result["lint"]["notes"]
    assert note == "ruff was not compared: the edit changes its settings in pyproject.toml"


def test_no_lint(run):
    outcome, prompts = run(UNUSED, arguments=("--no-lint",))
    assert outcome.exit_code == 0
    assert outcome.result["lint"] is None
    assert len(prompts) == 1


def test_a_person_reads_what_is_new(run):
    outcome, _ = run(UNUSED, arguments=("--output", "text"))
    assert "Local variable `count` is assigned to but never used (ruff F841)" in outcome.stdout
