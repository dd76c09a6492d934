"""What becomes of an answer that is there when those beside it fail."""

import pytest

from tests.agent.projects import FIX, FIXED, Agent, make_repository
from tests.scripted import Fault, Reply


@pytest.mark.parametrize("beside", [Reply(""), Fault.status(400)], ids=["nothing", "refused"])
def test_an_answer_is_tried_when_the_samples_beside_it_fail(tmp_path, serve, beside):
    repo = make_repository(tmp_path / "repo")
    (tmp_path / "home").mkdir()
    wrong = FIX.replace("/ len(values)\n>", "/ (len(values) + 1)\n>")
    greedy = iter([Reply(wrong), Reply(FIX)])

    def script(request):
        return beside if (request.body.get("n") or 1) > 1 else next(greedy)

    outcome = Agent(tmp_path / "home", serve(script, tools=False).base_url).run(repo)
    assert outcome.exit_code == 0, outcome.stderr
    assert "warning: only one answer is tried: " in outcome.stderr
    assert (repo / "stats.py").read_text() == FIXED
