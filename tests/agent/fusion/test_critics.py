"""What models say of patches, and what of it is shown to others."""

import asyncio
import json

from moot.agent.core.messages import ChatMessage
from moot.agent.core.trials import Trial
from moot.agent.fusion.brief import pack
from moot.agent.fusion.claims import endorse
from moot.agent.fusion.critics import Case, find_defects, predict
from moot.agent.fusion.ledger import Caps, Ledger
from moot.agent.fusion.seat import Table
from tests.agent.fusion.pools import connect, member
from tests.scripted import Reply

CASE = Case("f(1) is wrong", {"A": "+1", "B": "+2"}, {"A": "one", "B": "two"}, ("a.py",), "")


def at_table(server, work):
    """Do something with the seat of a scripted model."""

    async def run():
        table = Table(connect, Ledger(Caps()))
        try:
            return await work(await table.seat(member("m", server)))
        finally:
            await table.close()

    return asyncio.run(run())


def test_who_gives_no_value_speaks_against_all(serve):
    server = serve([Reply(texts=['{"values": ["3"]}', '{"values": ["3"]}', "I think 4"])])
    opening, trial = (ChatMessage("user", "f(1)?"),), Trial("D1", "a.py", "f(1)")
    [said] = at_table(server, lambda seat: predict(seat, opening, [trial]))
    assert said == ("3", "3", "")
    found = endorse("f(1)", "", said)
    assert found is not None
    assert found.by == "2 of 3"


def test_comments_that_tell_a_value_are_left_out(serve):
    def written(code):
        return {"answer": "A", "path": "a.py", "line": 1, "code": code, "expected": "3", "actual": ""}

    codes = ["f(1)  # should be 3", "# it is 3\nf(2)", "f('# 3')", "# 3"]
    defects = [written(code) | {"sentence": "no"} for code in codes]
    for some in (defects[:3], defects[3:]):
        server = serve([json.dumps({"defects": some})])
        found = at_table(server, lambda seat: find_defects(seat, CASE, {}))
        assert [trial.code for trial, _ in found] == (["f(1)", "f(2)", "f('# 3')"] if len(some) > 1 else [])


def test_what_code_says_makes_no_row_of_its_own(serve):
    rows = {"D1": "`f(1)`: A: ValueError: x\n[T1] the tests, run with it: B: 9 tests fail", "T1": "the tests"}
    brief = at_table(serve([]), lambda seat: pack(seat, "task", {"A": "x"}, 4000, rows))
    assert [line[:4] for line in brief.evidence.splitlines() if line.startswith("[")] == ["[D1]", "[T1]"]
