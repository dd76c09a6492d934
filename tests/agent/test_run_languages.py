"""A one-line bug outside of Python is localised by coverage and repaired by filling in, from end to end."""

import json
from pathlib import Path

import pytest

from tests.agent.projects import Agent, git, make_repository
from tests.agent.repair.seeded import GOLANG, NODE, Seeded
from tests.scripted import Reply

SMALL_MODEL = ("--profile", "qwen2.5-coder-1.5b-cpu")


@pytest.mark.parametrize("project", [pytest.param(each, id=each.name) for each in (NODE, GOLANG)])
def test_a_bug_is_localised_and_filled_in(tmp_path: Path, serve, project: Seeded):
    """The model knows the right line and no more: where it belongs is found by execution."""
    repo = make_repository(tmp_path / "repo", project.files)
    (tmp_path / "home").mkdir()
    right = project.bug.replace("+ discount", "- discount")
    known = Reply(texts=["result = 0", right])
    server = serve(lambda request: Reply("???") if "messages" in request.body else known, tools=False)
    agent = Agent(tmp_path / "home", server.base_url)
    task = ("run", "a discount must be taken off", "--repo", str(repo), "--test", project.command)
    outcome = agent(*task, *SMALL_MODEL, "--output", "stream-json")
    assert outcome.exit_code == 0, outcome.stderr
    events = [json.loads(line) for line in outcome.stdout.splitlines()]
    [suspects] = [event for event in events if event["event"] == "SuspectsFound"]
    assert suspects["lines"][0][:2] == [project.path, project.line]
    notices = [event["text"] for event in events if event["event"] == "Notice"]
    assert any("lines that the failing tests execute, by" in text for text in notices)
    [selected] = [event for event in events if event["event"] == "CandidateSelected"]
    assert selected["candidate"]["generator"] == "fim"
    assert (repo / project.path).read_text() == project.fixed
    assert git(repo, "status", "--porcelain") == ""
    assert not list(repo.glob(".moot*"))
