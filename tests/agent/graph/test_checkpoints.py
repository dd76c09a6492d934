"""A run keeps its last checkpoint and none of those before."""

import sqlite3

from tests.agent.projects import FIX, Agent, make_repository
from tests.scripted import Reply


def test_of_a_run_the_last_checkpoint_stays_from_which_it_can_be_resumed(tmp_path, serve):
    repo = make_repository(tmp_path / "repo")
    (tmp_path / "home").mkdir()
    agent = Agent(tmp_path / "home", serve(lambda request: Reply(FIX), tools=False).base_url)
    done = agent.run(repo).result
    with sqlite3.connect(tmp_path / "home" / "data" / "checkpoints.sqlite") as store:
        [[last]] = store.execute("SELECT checkpoint_id FROM checkpoints").fetchall()
        written = store.execute("SELECT DISTINCT checkpoint_id FROM writes").fetchall()
    assert len([one for [one] in written if one != last]) <= 1  # of the last step, which may come after it
    again = agent.resume(repo, done["run_id"])
    assert again.exit_code == 0, again.stderr
    assert again.result["commit"] == done["commit"]
