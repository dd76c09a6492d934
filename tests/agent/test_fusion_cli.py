"""`agent fusion` and what `agent run` and `agent undo` log for it, by the real command."""

import json
import sqlite3
from dataclasses import replace

import pytest

from moot.agent.core.outcomes import Fate, Outcome
from moot.agent.outcomes.store import FILE, OutcomeStore
from moot.agent.risk.learned import DEFAULTS, load_learned
from tests.agent.projects import BUGGY, FIX, Agent, git, make_repository
from tests.agent.risk.test_calibrate import log
from tests.scripted import Reply

WRONG = FIX.replace("    return sum(values) / len(values)\n", "    return sum(values) / (len(values) + 1)\n")


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def agent(tmp_path, serve):
    """Return the command against a model that answers like this in turn, and then with the last answer."""

    def make(*answers: str) -> Agent:
        rest = list(answers)

        def script(_request):
            return Reply(rest.pop(0) if len(rest) > 1 else rest[0])

        (tmp_path / "home").mkdir(exist_ok=True)
        return Agent(tmp_path / "home", serve(script, tools=False).base_url)

    return make


def logged(agent: Agent) -> list[Outcome]:
    with OutcomeStore(agent.home / "data" / FILE) as store:
        return store.all()


def test_an_argued_edit_is_logged_and_an_undo_is_noted(repo, agent):
    command = agent(WRONG, FIX, FIX)
    outcome = command.run(repo, "--fusion", "always")
    assert outcome.exit_code == 0, outcome.stderr
    (one,) = logged(command)
    assert (one.run_id, one.root, one.commit) == (
        outcome.result["run_id"],
        str(repo),
        outcome.result["commit"],
    )
    assert (one.argued, one.mode, one.fate) == (True, "best-of", Fate.OPEN)
    assert one.incumbent != one.chosen
    assert (one.incumbent_passed, one.chosen_passed, one.fixed) == (False, True, True)
    assert 0 < one.argued_tokens < one.tokens
    assert (one.features.added, one.features.removed, one.features.uncovered) == (1, 1, 0.0)
    assert 0 < one.probability < 1

    assert command("undo", "--repo", str(repo)).exit_code == 0
    assert [each.fate for each in logged(command)] == [Fate.UNDONE]
    found = json.loads(command("fusion", "stats", "--output", "json").stdout)
    assert (found["edits"], found["known"], found["fixes"]["count"], found["fixes"]["of"]) == (1, 1, 1, 1)
    text = command("fusion", "stats", "--repo", str(repo)).stdout
    for part in ("1 undone", "fixes      1 of 1, 100% [21%, 100%]", "that is few"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_revert_by_hand_is_found_in_the_history(repo, agent):
    command = agent(FIX)
    assert command.run(repo, "--fusion", "never", "--no-verify").exit_code == 0
    (before,) = logged(command)
    assert (before.argued, before.incumbent_passed, before.fate) == (False, None, Fate.OPEN)
    git(repo, "revert", "--no-edit", "HEAD")
    assert (repo / "stats.py").read_text() == BUGGY
    assert "1 reverted" in command("fusion", "stats").stdout
    assert logged(command)[0].fate is Fate.REVERTED


def test_an_argument_in_vain_counts_and_a_dry_run_is_no_publication(repo, agent):
    command = agent(WRONG)
    assert command.run(repo, "--fusion", "always").exit_code == 1
    (vain,) = logged(command)
    assert (vain.fate, vain.chosen, vain.argued, vain.incumbent_passed) == (Fate.UNPUBLISHED, "", True, False)
    assert agent(FIX).run(repo, "--dry-run", "--no-verify").exit_code == 0
    assert [one.fate for one in logged(command)] == [Fate.UNPUBLISHED] * 2


def test_a_log_that_cannot_be_written_fails_neither_a_run_nor_an_undo(repo, agent):
    command = agent(FIX)
    (command.home / "data").mkdir()
    db = sqlite3.connect(command.home / "data" / FILE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    done = command.run(repo, "--no-verify")
    assert done.exit_code == 0
    assert "the log of outcomes" in done.stderr
    assert command("undo", "--repo", str(repo)).exit_code == 0
    outcome = command("fusion", "stats")
    assert outcome.exit_code == 2
    assert "later version" in outcome.error


def test_without_a_log_there_is_nothing_to_show_or_to_learn(agent):
    command = agent(FIX)
    assert "nothing is logged yet" in command("fusion", "stats").stdout
    refused = command("fusion", "calibrate")
    assert refused.exit_code == 5
    assert "calibration needs 100 edits" in refused.error
    assert not (command.home / "data" / FILE).exists()


def test_what_calibration_learns_is_what_runs_use(repo, agent, tmp_path):
    command = agent(FIX)
    with OutcomeStore(command.home / "data" / FILE) as store:
        for one in log(600, factor=2.2):
            store.add(replace(one, root=str(repo), at=one.at - 400_000_000))
    answer = json.loads(command("fusion", "calibrate", "--output", "json").stdout)
    assert answer["better"] is True
    assert answer["after"]["brier"] < answer["before"]["brier"]
    assert answer["file"] == str(command.home / "data" / "risk.json")
    learned = load_learned(command.home / "data")
    assert learned != DEFAULTS
    assert "runs use it from now on" in command("fusion", "calibrate").stdout

    outcome = command.run(repo, "--dry-run", "--no-verify")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["risk"]["probability"] in [round(y, 4) for y in learned.knots.y]

    drawing = tmp_path / "reliability.svg"
    assert command("fusion", "stats", "--svg", str(drawing)).exit_code == 0
    assert drawing.read_text().startswith("<svg")
    assert command("fusion", "stats", "--svg", str(tmp_path / "no" / "x.svg")).exit_code == 2
