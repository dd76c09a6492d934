"""What is logged of a published edit, for the risk model to learn from."""

import sqlite3

from tests.agent.projects import BUGGY, FIX, TEST, Agent, make_repository
from tests.scripted import Reply

RUFF = '[tool.ruff.lint]\nselect = ["F"]\n'
RISKY = "<<<<<<< SEARCH requirements.txt\n=======\nattrs\n>>>>>>> REPLACE\n"
UNUSED = FIX.replace(
    "    return sum(values) / len(values)\n", "    count = 1\n    return sum(values) / len(values)\n"
)
WRONG = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")


def test_an_argument_is_logged_with_its_own_incumbent(tmp_path, serve):
    """The first round is argued, and what passes has a finding; the second is not, and fails."""
    files = {"stats.py": BUGGY, "test_stats.py": TEST, "pyproject.toml": RUFF}
    repo = make_repository(tmp_path / "repo", files)
    (tmp_path / "home").mkdir()
    server = serve(
        lambda request: Reply(WRONG if len(request.body["messages"]) > 2 else UNUSED + RISKY), tools=False
    )
    outcome = Agent(tmp_path / "home", server.base_url).run(repo, "--yes")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["fusion"]["chosen"] == "chat-1.1"
    with sqlite3.connect(tmp_path / "home" / "data" / "outcomes.sqlite") as log:
        [logged] = log.execute("SELECT argued, incumbent, incumbent_passed, chosen FROM outcome").fetchall()
    assert logged == (1, "chat-1.1", 1, "chat-1.1")
